"""The packaged templates under cfn-lint, which holds them against AWS's own registry of resources."""

from pathlib import Path

import pytest

from support import packaged_stages as packaging
from support.cfn_lint import complaints
from support.packaged_stages import templates

# The tool itself writes a DependsOn that a reference implies; on loopback visibility is short: rules.short_visibility.
IGNORED = {"local": ("W3005", "E3505"), "aws": ("W3005",)}


@pytest.mark.parametrize("place", IGNORED)
def test_templates_pass_cfn_lint(place: str, tmp_path: Path) -> None:
    """All stages of a place at once: cfn-lint takes longer to start than for a template."""
    documents = {
        f"{named}-{stack}.json": template
        for named in packaging.STAGES
        if (named == "local") == (place == "local")
        for stack, template in templates(named).items()
    }
    assert complaints(tmp_path, documents, *IGNORED[place]) == ""
