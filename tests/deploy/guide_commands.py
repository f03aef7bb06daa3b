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
CUSTOM = {("s3", "ls"), ("ecr", "get-login-password")}
GLOBAL = {"--query", "--output", "--cli-binary-format", "--region", "--profile"}
_session = Session()


def commands(text: str) -> list[str]:
    """Every make, fanfold, aws and serverless command of shell blocks and of the text, without what is around it."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    inline = [re.sub(r"^fanfold ", ".venv/bin/fanfold ", " ".join(span.split())) for span in spans]
    lines = [line.split("   #")[0].strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += inline
    pieces = [piece for line in lines for piece in re.split(r"&&|\||;|\$\(| > \S+", line)]
    return [piece.strip().rstrip(")") for piece in pieces if re.match(r"\s*(make|aws|npx|\.venv/bin/fanfold)\s", piece)]


def wrong(command: str) -> str:
    """The reason to refuse a command; "" for a valid one."""
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
    expected = ["serverless", "deploy", "--stage"]
    return "" if words[:3] == expected and len(words) == 4 else f"not {' '.join(expected)} NAME"


def _aws(words: list[str]) -> str:
    service, name, *rest = words
    if (service, name) in CUSTOM:
        return ""
    if service not in _session.get_available_services():
        return f"there is no service {service}"
    if name == "wait":
        waiters = [_dashed(waiter) for waiter in _session.get_waiter_model(service).waiter_names]
        return "" if rest[0] in waiters else f"{service} waits for no {rest[0]}"
    model = _session.get_service_model(service)
    operation = next(
        (operation_name for operation_name in model.operation_names if _dashed(operation_name) == name), ""
    )
    if not operation:
        return f"{service} has no {name}"
    members = model.operation_model(operation).input_shape.members
    known = {f"--{_dashed(member)}" for member in members}
    known |= {f"--no-{_dashed(member)}" for member, shape in members.items() if shape.type_name == "boolean"}
    strange = [option for option in rest if option.startswith("--") and option not in known | GLOBAL]
    return f"{service} {name} has no {strange}" if strange else ""


def _dashed(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
