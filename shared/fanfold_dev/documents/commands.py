"""docs/commands.md, written from the parser."""

from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fanfold.cli.commands.registry import COMMANDS
from fanfold.cli.exit_codes import MEANINGS, Exit
from fanfold.cli.main import ABOUT, RUN, RUN_ABOUT, parser
from fanfold.local.launcher import repository_root

PATH = "docs/commands.md"
_SHARED = ("--state", "--json", "--help")
_ALWAYS = (Exit.OK, Exit.WRONG_INPUT, Exit.INTERRUPTED)
_RUN_EXITS = (Exit.FAILED, Exit.NOTHING_THERE, Exit.NOT_REACHABLE)


def commands_markdown() -> str:
    """Every command with its arguments, example and exit codes."""
    root = parser({}, with_run=True)
    return "\n".join([*_head(), *_section_of_run(root), *_sections(root)]) + "\n"


def _head() -> Iterator[str]:
    yield from ("# Commands", "", "Written from the parser by `fanfold_dev.documents.commands`; change the command,")
    yield from ("not this page.", "", ABOUT, "")
    yield "Every command takes `--state DIR` (else `FANFOLD_STATE`, else `.fanfold` here), `--json` for an answer that"
    yield "programs read, with amounts as strings, and `--help`. Where a desk is running in the state directory, it is"
    yield "asked; else the embedded AWS is started on what the last run left, for as long as the command takes. With"
    yield "`--stage NAME` a command is about a stage in the AWS account that `AWS_PROFILE` and `AWS_REGION` name. What"
    yield "is wrong is said on standard error."
    yield ""
    yield "The state directory holds the newest run; a new one puts it into `runs/1`, `runs/2` and so on, which"
    yield "`--state` takes too and `fanfold runs` lists. Only `run --overwrite` erases. A run notes each bar that it"
    yield "traded, so `run --continue` goes on after Ctrl-C and after a kill, with the desk, data, strategy and params"
    yield "that it began with: it remembers them, with digests of their files, and says what differs where it cannot."
    yield "One command at a time holds the directory; what asks a desk that trades or is served asks that one."
    yield from ("", "## Exit codes", "", "| Code | Means |", "| --- | --- |")
    yield from (f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items())


def _section_of_run(root: ArgumentParser) -> Iterator[str]:
    found = _subparser(root, (RUN,))
    yield from ("", f"## fanfold {RUN}", "", found.description or RUN_ABOUT, "")
    yield from _arguments(found)
    yield from _example((found.epilog or "").removeprefix("example: "))
    yield _exits(_RUN_EXITS)


def _sections(root: ArgumentParser) -> Iterator[str]:
    for command in COMMANDS:
        yield from ("", f"## fanfold {' '.join(command.words)}", "", command.about, "")
        yield from _arguments(_subparser(root, command.words))
        yield from _example(command.example)
        yield _exits(command.exits)


def _arguments(found: ArgumentParser) -> Iterator[str]:
    rows = [_argument(action) for action in found._actions if _is_told(action)]
    if rows:
        yield from ("| Argument | |", "| --- | --- |", *rows, "")


def _argument(action: Action) -> str:
    value = f" {action.metavar or action.dest.upper()}" if action.nargs != 0 else ""
    repeated = " …" if action.nargs in {"+", "*"} else ""
    named = ", ".join(action.option_strings)
    needed = " Required." if action.option_strings and action.required else ""
    return f"| `{(named + value + repeated).strip()}` | {action.help or ''}{needed} |"


def _is_told(action: Action) -> bool:
    return action.help != SUPPRESS and not set(action.option_strings) & set(_SHARED)


def _example(example: str) -> Iterator[str]:
    yield from ("```sh", example, "```", "") if example else ()


def _exits(own: tuple[Exit, ...]) -> str:
    return "Exit codes: " + ", ".join(str(code.value) for code in sorted({*_ALWAYS, *own})) + "."


def _subparser(root: ArgumentParser, words: tuple[str, ...]) -> ArgumentParser:
    found: Any = root
    for word in words:
        found = next(action.choices[word] for action in found._actions if isinstance(action.choices, dict))
    parsed: ArgumentParser = found
    return parsed


def write(root: Path) -> Path:
    """Write the page under the root of a repository, and say where."""
    path = root / PATH
    path.write_text(commands_markdown())
    return path


if __name__ == "__main__":
    print(write(repository_root()))
