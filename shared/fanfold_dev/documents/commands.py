"""Generate docs/commands.md from the command line."""

from collections.abc import Iterator
from importlib import import_module

from cyclopts import Argument

from fanfold.cli.app import ABOUT, NAME, CommandFile, arguments_of, command_files
from fanfold.cli.exit_codes import EVERY_COMMAND, FAILURES, MEANINGS, Exit

_HEAD = f"""# Commands

Written from the files in `shared/fanfold/cli/commands/` by `make documents`; change the command, not this page.

{ABOUT}

Every command takes `--state DIR` (else `FANFOLD_STATE`, else `.fanfold` here) and `--json` for an answer that programs
read, with amounts as strings; both may stand before or after it. `--help` shows examples. `fanfold completion
--install` completes commands and options in bash, zsh and fish. Where a desk is running in the state directory, that
desk answers; else the embedded AWS is started on what the last run left, for as long as the command takes. With
`--stage NAME` a command is about a stage in the AWS account that `AWS_PROFILE` and `AWS_REGION` name. Errors are
written to standard error.

The state directory holds the newest run; a new one puts it into `runs/1`, `runs/2` and so on, which
`--state` takes too and `fanfold runs` lists. Only `run --overwrite` erases. A run on recorded bars or the
seeded market notes each bar that it traded, so `run --continue` resumes it after Ctrl-C and after a kill, with
the desk, data, strategy and params that it began with: it remembers them, with digests of their files, and
says what differs where it cannot. A run with `--live` or `--exchange` cannot be resumed.
One command at a time holds the directory; commands that ask a desk which trades or is served ask that one.

## Exit codes

| Code | Means |
| --- | --- |"""


def commands_markdown() -> str:
    """Return the page: every command with its arguments, examples and exit codes."""
    codes = [f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items()]
    codes += ["", "| Command | Its exit code is 1 where |", "| --- | --- |"]
    codes += [f"| `{words}` | {reason} |" for words, reason in FAILURES.items()]
    sections = [line for file in command_files() if file.examples for line in _section(file)]
    return "\n".join([_HEAD, *codes, *sections]) + "\n"


def _section(file: CommandFile) -> Iterator[str]:
    yield from ("", f"## {' '.join([NAME, *file.words])}", "", file.about, "")
    rows = [_row(argument) for argument in arguments_of(file)]
    if rows:
        yield from ("| Argument | |", "| --- | --- |", *rows, "")
    yield from ("```sh", *file.examples, "```", "")
    own: tuple[Exit, ...] = getattr(import_module(file.module), "EXITS", ())
    yield "Exit codes: " + ", ".join(str(code.value) for code in sorted({*EVERY_COMMAND, *own})) + "."


def _row(argument: Argument) -> str:
    parameter = argument.parameter
    options = [name for name in argument.names if name.startswith("-")]
    # Without a metavar they are called so in a command's own help, too.
    unnamed = "CHOICE" if options else argument.names[0]
    value = "" if argument.hint is bool else f" {parameter.metavar or unnamed}"
    choices = argument.get_choices()
    listed = f". One of {', '.join(choices)}." if choices else ""
    needed = " Required." if options and argument.required else ""
    return f"| `{(', '.join(options) + value).strip()}` | {parameter.help}{listed}{needed} |"
