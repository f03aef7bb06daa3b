"""Messages about faults, beside the output of a command."""

import sys


def print_error(text: str) -> None:
    """Print a line on standard error."""
    sys.stderr.write(f"fanfold: {text}\n")
