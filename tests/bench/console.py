"""The cost of loading the command line: CPU time of whole processes of ``fanfold``."""

from statistics import median

from imports import cpu_s
from printed import table

RUNS = 15
LINES = ("--version", "--help", "status --help", "strategies", "status --state none", "run --state none --continue")


def code(line: str) -> str:
    """A program that runs a command line, whatever its exit code."""
    return f"import sys; sys.argv[1:] = {line.split()!r}; from fanfold.cli.entry import main; main()"


def main() -> None:
    cases = {"python -c pass": "pass", "import cyclopts": "import cyclopts"}
    cases |= {f"fanfold {line}": f"import os, sys; os.dup2(os.open(os.devnull, 1), 1); os.dup2(1, 2); {code(line)}"
              for line in LINES}  # fmt: skip
    times: dict[str, list[float]] = {name: [] for name in cases}
    for run in range(RUNS + 1):
        for name, program in cases.items():
            taken = cpu_s(program)
            # The first writes the byte code.
            if run:
                times[name].append(taken)
    rows = [(name, median(taken) * 1e3) for name, taken in times.items()]
    table(f"9. The command line: CPU of a whole process, median of {RUNS} in turn", ("command", "CPU ms"), rows)


if __name__ == "__main__":
    main()
