"""Run the example notebooks: `make notebooks` writes their outputs anew, the tests compare them."""

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
BIN = Path(sys.executable).parent
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


def read(file: Path) -> NotebookNode:
    return nbformat.read(file, as_version=4)


def executed(file: Path) -> NotebookNode:
    """Return a notebook after its cells ran in order, in an empty folder; a cell that raises ends it."""
    notebook = read(file)
    with tempfile.TemporaryDirectory() as folder:
        # Cells call `fanfold`; the kernel's debugger warns of frozen modules, which it need not look at. Cells show the
        # same in all time zones, and this one is far from UTC.
        variables = os.environ | {
            "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "TZ": "Pacific/Auckland",
        }
        NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=folder, env=variables)
    return notebook


def outputs(notebook: NotebookNode) -> list[list[Any]]:
    """Return what each cell shows as text, without the addresses of objects."""
    return [[_text(output) for output in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"]


def _text(output: NotebookNode) -> str:
    shown = output.get("text") or output.get("data", {}).get("text/plain", "")
    return ADDRESS.sub("0x", shown)


def write(file: Path) -> None:
    """Run a notebook and keep its outputs, without what differs from run to run."""
    notebook = executed(file)
    for cell in notebook.cells:
        cell.metadata = {}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, file)


if __name__ == "__main__":
    for notebook_file in NOTEBOOKS:
        write(notebook_file)
        print(notebook_file.relative_to(ROOT))
