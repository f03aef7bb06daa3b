"""The stacks of the local stage as the Serverless tool packages them."""

from typing import Any

from support import packaged_stages
from support.packaged_stages import PLATFORM

__all__ = ["PLATFORM", "STAGE", "resources", "template"]
STAGE = "local"


def template(stack: str) -> dict[str, Any]:
    """The CloudFormation template of a service, or of the platform."""
    return packaged_stages.template(stack, STAGE, {})


def resources(document: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Properties of a template's resources of a type, by name."""
    return {
        name: resource["Properties"] for name, resource in document["Resources"].items() if resource["Type"] == kind
    }
