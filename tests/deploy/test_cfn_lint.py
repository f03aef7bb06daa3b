"""The packaged templates under cfn-lint, which holds them against AWS's own registry of resources."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support import packaged_stages as packaging
from support.packaged_stages import templates


@pytest.mark.parametrize("named", packaging.STAGES)
def test_templates_pass_cfn_lint(named: str, tmp_path: Path) -> None:
    """W3005 is ignored: the tool itself writes a DependsOn that a reference implies. On loopback also E3505, which is
    rules.short_visibility."""
    pytest.importorskip("cfnlint", reason="cfn-lint is not installed: run `make install`")
    for stack, template in templates(named).items():
        (tmp_path / f"{stack}.json").write_text(json.dumps(template))
    lint = str(Path(sys.executable).with_name("cfn-lint"))
    ignored = ["W3005", "E3505"] if named == "local" else ["W3005"]
    command = [lint, "-r", "eu-west-1", "-i", *ignored, "-t", *map(str, tmp_path.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
