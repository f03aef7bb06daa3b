"""The addresses of channels on a laptop: a file that its owner alone can read."""

import os
from pathlib import Path

import msgspec

from fanfold.errors import BadInput

OTHERS = 0o077


def address_file() -> Path:
    """Return the file of this machine: that of FANFOLD_ALERT_ADDRESSES, or alerts.json in the working directory."""
    return Path(os.environ.get("FANFOLD_ALERT_ADDRESSES") or "alerts.json").resolve()


def addresses_in(path: Path) -> dict[str, str]:
    """Return the addresses in a file, by channel. Raises BadInput, which says nothing of what is in it."""
    try:
        text, mode = path.read_bytes(), path.stat().st_mode
    except OSError as fault:
        raise BadInput(
            f"{path}: {fault.strerror}; write the addresses of channels into it, and `chmod 600` it"
        ) from None
    if mode & OTHERS:
        raise BadInput(f"others can read {path}, which holds the addresses of channels: `chmod 600 {path}`")
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError:
        example = '{"phone": "tgram://BOT_TOKEN/CHAT_ID"}'
        raise BadInput(f"{path} is no JSON object of addresses by channel, such as {example}") from None
