"""The Serverless tool's validator of configurations is compiled once, and found compiled by every run after that."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fanfold.local.deploys import KEPT_VALIDATOR, tool_settings
from support.packaged_stages import ROOT

TOOLS_OWN = ROOT / "node_modules" / "osls" / "lib" / "classes" / "config-schema-handler" / "resolve-ajv-validate.js"
GENERATED = """
const Module = require("node:module");
const generated = new Module("[generated-ajv-validate]x.js");
generated.paths = Module._nodeModulePaths(process.cwd());
const code = `module.exports = () => require("node:path").basename(__filename);`;
generated._compile(code, "/here/[generated-ajv-validate]x.js");
console.log(generated.exports());
"""


def answer(cache: Path) -> str:
    if shutil.which("node") is None:
        pytest.skip("needs node")
    environment = os.environ | tool_settings({}) | {"XDG_CACHE_HOME": str(cache)}
    return subprocess.run(["node", "-e", GENERATED], env=environment, capture_output=True, text=True, check=True).stdout


def test_generated_code_is_kept_and_answers_the_same(tmp_path: Path) -> None:
    first = answer(tmp_path)
    (kept,) = (tmp_path / "fanfold" / "serverless").iterdir()
    made = kept.stat().st_mtime_ns
    assert first == answer(tmp_path) == "[generated-ajv-validate]x.js\n"
    assert kept.stat().st_mtime_ns == made


def test_what_is_kept_of_another_node_is_made_anew(tmp_path: Path) -> None:
    first = answer(tmp_path)
    (kept,) = (tmp_path / "fanfold" / "serverless").iterdir()
    kept.write_bytes(b"not this one's")
    assert answer(tmp_path) == first
    assert kept.read_bytes() != b"not this one's"


def test_a_folder_that_cannot_be_written_to_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "fanfold").write_text("a file")
    assert answer(tmp_path) == "[generated-ajv-validate]x.js\n"


def test_the_tool_still_compiles_it_under_that_name() -> None:
    if not TOOLS_OWN.exists():
        pytest.skip("node_modules holds no Serverless tool: run `make install`")
    text = TOOLS_OWN.read_text()
    assert "generatedModule._compile(code, filename)" in text
    assert "[generated-ajv-validate]" in text
    assert "[generated-ajv-validate]" in KEPT_VALIDATOR.read_text()


def test_options_of_the_user_are_kept() -> None:
    assert tool_settings({"NODE_OPTIONS": "--max-old-space-size=512"})["NODE_OPTIONS"].startswith(
        "--max-old-space-size=512 --require "
    )
