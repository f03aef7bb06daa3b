"""The packaged templates under cfn-lint, which holds them against AWS's own registry of resources."""

from pathlib import Path

import pytest

from support import packaged_stages as packaging
from support.cfn_lint import complaints
from support.packaged_stages import templates


@pytest.mark.parametrize("named", packaging.STAGES)
def test_templates_pass_cfn_lint(named: str, tmp_path: Path) -> None:
    """W3005 is ignored: the tool itself writes a DependsOn that a reference implies. On loopback also E3505, which is
    rules.short_visibility."""
    ignored = ["W3005", "E3505"] if named == "local" else ["W3005"]
    documents = {f"{stack}.json": template for stack, template in templates(named).items()}
    assert complaints(tmp_path, documents, *ignored) == ""
