"""What goes wrong beside the answer."""

import sys


def complain(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(f"fanfold: {text}\n")
