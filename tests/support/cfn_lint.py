"""cfn-lint, which holds templates against AWS's own registry of resources."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.packaged_stacks import REGION


def complaints(folder: Path, documents: Mapping[str, Any], *ignored: str) -> str:
    """The complaints of cfn-lint about templates, each a document or its text, by the name of its file; "" is none.

    The files are written into ``folder``; ``ignored`` are codes of rules.
    """
    pytest.importorskip("cfnlint", reason="cfn-lint is not installed: run `make install`")
    for name, document in documents.items():
        (folder / name).write_text(document if isinstance(document, str) else json.dumps(document))
    lint = str(Path(sys.executable).with_name("cfn-lint"))
    ignoring = ["-i", *ignored] if ignored else []
    command = [lint, "-r", REGION, *ignoring, "-t", *map(str, folder.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{done.returncode}: {done.stdout}{done.stderr}" if done.returncode else ""
