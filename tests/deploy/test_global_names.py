"""A stage is of one region: what AWS knows by its name alone in the whole account has the region in it."""

from collections.abc import Iterator
from typing import Any

import pytest

from fanfold.deployment import PAGE
from support.packaged_stages import template, templates

# By the reference of each: PutDashboard and CreateBudget say so, CloudFront has no regions; a role's name is IAM's.
NAMES = {
    "AWS::Budgets::Budget": ("Budget", "BudgetName"),
    "AWS::CloudFront::OriginAccessControl": ("OriginAccessControlConfig", "Name"),
    "AWS::CloudFront::ResponseHeadersPolicy": ("ResponseHeadersPolicyConfig", "Name"),
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName",),
    "AWS::IAM::Role": ("RoleName",),
}


def names(stack: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The types and names of a template's resources that are of no region; what CloudFormation names is left out."""
    for resource in stack["Resources"].values():
        name: Any = resource["Properties"]
        for field in NAMES.get(resource["Type"], ()):
            name = name.get(field, {})
        if resource["Type"] in NAMES and name:
            yield resource["Type"], str(name)


@pytest.mark.parametrize("named", ["dev", "lean", "live"])
def test_the_same_stage_of_two_regions_has_no_name_in_common(named: str) -> None:
    named_parts = [each for stack in templates(named).values() for each in names(stack)]
    assert "AWS::Budgets::Budget" in dict(named_parts)
    assert [name for _, name in named_parts if "${AWS::Region}" not in name] == []


def test_nor_have_the_dashboard_and_the_page_of_two_regions() -> None:
    with_dashboard = template("platform", "dev", {"FANFOLD_DASHBOARD": "true"})
    page = template(PAGE, "dev", {})
    named_parts = dict([*names(with_dashboard), *names(page)])
    assert len(named_parts) == 4
    assert [name for name in named_parts.values() if "${AWS::Region}" not in name] == []
