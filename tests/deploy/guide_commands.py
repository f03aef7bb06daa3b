"""The commands of a guide, and what is wrong with them; none is run against anything."""

import re
import shlex
import subprocess
from pathlib import Path

from botocore.session import Session

from fanfold.cli.app import parse
from fanfold.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]
# What the AWS command line has beside the services' operations.
CUSTOM = {("s3", "mb"), ("ecr", "get-login-password")}
GLOBAL = {"--query", "--output", "--cli-binary-format", "--region", "--profile"}
_session = Session()


def commands(text: str) -> list[str]:
    """Every make, fanfold, aws and serverless command of shell blocks and of the text, without what is around it."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    inline = [re.sub(r"^fanfold ", ".venv/bin/fanfold ", " ".join(span.split())) for span in spans]
    lines = [line.split("   #")[0].strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += inline
    found = [piece for line in lines for piece in re.split(r"&&|\||;|\$\(| > \S+", line)]
    return [one.strip().rstrip(")") for one in found if re.match(r"\s*(make|aws|npx|\.venv/bin/fanfold)\s", one)]


def wrong(command: str) -> str:
    """Why a command would be refused; "" where it would be taken."""
    words = shlex.split(command)
    checks = {"make": _make, "aws": _aws, ".venv/bin/fanfold": _fanfold, "npx": _tool}
    return checks[words[0]](words[1:])


def _make(words: list[str]) -> str:
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def _fanfold(words: list[str]) -> str:
    try:
        parse(words)
    except BadInput as refused:
        return str(refused)
    return ""


def _tool(words: list[str]) -> str:
    asked = ["serverless", "deploy", "--stage"]
    return "" if words[:3] == asked and len(words) == 4 else f"not {' '.join(asked)} NAME"


def _aws(words: list[str]) -> str:
    service, name, *rest = words
    if (service, name) in CUSTOM:
        return ""
    if service not in _session.get_available_services():
        return f"there is no service {service}"
    if name == "wait":
        waiters = [_dashed(one) for one in _session.get_waiter_model(service).waiter_names]
        return "" if rest[0] in waiters else f"{service} waits for no {rest[0]}"
    model = _session.get_service_model(service)
    operation = next((one for one in model.operation_names if _dashed(one) == name), "")
    if not operation:
        return f"{service} has no {name}"
    members = model.operation_model(operation).input_shape.members
    known = {f"--{_dashed(member)}" for member in members}
    known |= {f"--no-{_dashed(one)}" for one, shape in members.items() if shape.type_name == "boolean"}
    strange = [one for one in rest if one.startswith("--") and one not in known | GLOBAL]
    return f"{service} {name} has no {strange}" if strange else ""


def _dashed(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
