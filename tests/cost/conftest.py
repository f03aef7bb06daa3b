"""The recorded days come from the chain that the benches run, on the emulator that the adapters are tested on."""

import sys
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
# Behind everything else, so that no name of theirs hides another's.
sys.path += [str(path) for path in (_TESTS / "bench", _TESTS / "aws", _TESTS / "deploy") if str(path) not in sys.path]
