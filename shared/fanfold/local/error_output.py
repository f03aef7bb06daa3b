"""Messages about faults, beside the output of a command, and texts from outside as a terminal may be given them."""

import re
import sys
import unicodedata

# Control and format characters, private use, and code points of no character.
HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
_UNUSUAL = re.compile(r"[^\n\t -~]")


def print_error(text: str) -> None:
    """Print a line on standard error."""
    sys.stderr.write(f"fanfold: {visible(text)}\n")


def visible(text: str) -> str:
    """Return a text with a mark for each letter that is not shown, by which a text could move or recolour others."""
    return _UNUSUAL.sub(lambda letter: "\ufffd" if unicodedata.category(letter[0]) in HIDDEN else letter[0], text)
