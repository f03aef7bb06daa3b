"""The addresses of channels on a laptop: a file that its owner alone can read, or a variable of the environment."""

from pathlib import Path

import msgspec

from fanfold.errors import BadInput

OTHERS = 0o077


def addresses_in(path: Path) -> dict[str, str]:
    """Return the addresses in a file, by channel. Raises BadInput, which says nothing of what is in it."""
    try:
        text = path.read_bytes()
    except OSError as fault:
        raise BadInput(
            f"{path}: {fault.strerror}; write the addresses of channels into it, and `chmod 600` it"
        ) from None
    if path.stat().st_mode & OTHERS:
        raise BadInput(f"others can read {path}, which holds the addresses of channels: `chmod 600 {path}`")
    return addresses(text, str(path))


def addresses(text: bytes | str, source: str) -> dict[str, str]:
    """Return the addresses of a JSON object. Raises BadInput, which says nothing of what is in it."""
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError:
        example = '{"phone": "tgram://BOT_TOKEN/CHAT_ID"}'
        raise BadInput(f"{source} is no JSON object of addresses by channel, such as {example}") from None
