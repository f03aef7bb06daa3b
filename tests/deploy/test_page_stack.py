"""The stack of the page: private files, one origin, headers, and a sign-in that the content policy lets through."""

import re
from pathlib import Path
from typing import Any

import pytest

from fanfold.api.routes import AUTHORITIES, ROUTES
from fanfold.deployment import PAGE, SERVICES
from support.cfn_lint import complaints
from support.packaged_stages import ROOT, STAGES, template

ISSUER = {"FANFOLD_JWT_ISSUER": "https://login.example.com/pool", "FANFOLD_JWT_AUDIENCE": "desk"}


def packaged(named: str, **settings: str) -> dict[str, Any]:
    stage, environment = STAGES[named]
    return template(PAGE, stage, environment | ISSUER | settings)


def properties(document: dict[str, Any], name: str) -> dict[str, Any]:
    resource: dict[str, Any] = document["Resources"][name]["Properties"]
    return resource


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return packaged("dev")


@pytest.fixture(scope="module")
def distribution(document: dict[str, Any]) -> dict[str, Any]:
    configuration: dict[str, Any] = properties(document, "Distribution")["DistributionConfig"]
    return configuration


def test_the_stack_passes_cfn_lint(tmp_path: Path) -> None:
    assert complaints(tmp_path, {f"{named}.json": packaged(named) for named in STAGES}) == ""


def test_a_deploy_that_names_no_service_leaves_it_out() -> None:
    assert PAGE not in SERVICES


def test_the_bucket_is_private_and_read_by_this_distribution_alone(document: dict[str, Any]) -> None:
    assert set(properties(document, "Bucket")["PublicAccessBlockConfiguration"].values()) == {True}
    deny, allow = properties(document, "BucketPolicy")["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Principal"], deny["Condition"]) == (
        "Deny", "*", {"Bool": {"aws:SecureTransport": "false"}}
    )  # fmt: skip
    assert (allow["Principal"], allow["Action"]) == ({"Service": "cloudfront.amazonaws.com"}, "s3:GetObject")
    assert "${Distribution}" in str(allow["Condition"]["StringEquals"]["aws:SourceArn"])


def test_nothing_is_answered_in_plain_text(distribution: dict[str, Any]) -> None:
    behaviours = [distribution["DefaultCacheBehavior"], *distribution["CacheBehaviors"]]
    assert {behaviour["ViewerProtocolPolicy"] for behaviour in behaviours} == {"https-only"}
    (api,) = [origin for origin in distribution["Origins"] if origin["Id"] == "api"]
    assert api["CustomOriginConfig"] == {"OriginProtocolPolicy": "https-only", "OriginSSLProtocols": ["TLSv1.2"]}


def test_every_response_has_the_headers(document: dict[str, Any], distribution: dict[str, Any]) -> None:
    behaviours = [distribution["DefaultCacheBehavior"], *distribution["CacheBehaviors"]]
    assert {str(behaviour["ResponseHeadersPolicyId"]) for behaviour in behaviours} == {"{'Ref': 'Headers'}"}
    headers = properties(document, "Headers")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert all(header["Override"] for header in headers.values())


@pytest.mark.parametrize(
    ("more", "connected"),
    [
        ("", "'self' https://login.example.com"),
        ("https://token.example.com/x https://login.example.com", "'self' https://login.example.com https://token.example.com"),
    ],
)  # fmt: skip
def test_the_page_asks_itself_and_the_sign_in_alone(more: str, connected: str) -> None:
    document = packaged("dev", FANFOLD_SIGN_IN_ORIGINS=more)
    headers = properties(document, "Headers")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    policy = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert f"connect-src {connected};" in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy


def test_every_read_of_the_api_is_behind_the_pages_name_and_not_cached(distribution: dict[str, Any]) -> None:
    reads = {re.sub(r"\{\w+\}", "*", route.path): route for route in ROUTES if AUTHORITIES[route.access] == "jwt"}
    behaviours = {behaviour["PathPattern"]: behaviour for behaviour in distribution["CacheBehaviors"]}
    assert set(behaviours) == set(reads)
    assert {behaviour["TargetOriginId"] for behaviour in behaviours.values()} == {"api"}
    (cached,) = {behaviour["CachePolicyId"] for behaviour in behaviours.values()}
    assert cached != distribution["DefaultCacheBehavior"]["CachePolicyId"]
    for path, behaviour in behaviours.items():
        assert reads[path].method in behaviour["AllowedMethods"], path


def test_no_command_that_wants_a_signature_passes(distribution: dict[str, Any]) -> None:
    signed = {route.path for route in ROUTES if AUTHORITIES[route.access] == "iam"}
    assert signed & {behaviour["PathPattern"] for behaviour in distribution["CacheBehaviors"]} == set()


def test_it_has_no_function_and_no_role(document: dict[str, Any]) -> None:
    kinds = {resource["Type"] for resource in document["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith(("AWS::Lambda", "AWS::IAM"))}
    assert (ROOT / "services" / PAGE / "serverless.yml").exists()
