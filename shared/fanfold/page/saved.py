"""The page as one file, with its data inside: it loads nothing and asks nobody."""

from base64 import b64encode
from hashlib import sha256
from typing import Any

import msgspec

from fanfold.page.files import PageSettings, page_files

_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; base-uri 'none'; form-action 'none'"
)
_STYLE = '<link rel="stylesheet" href="desk.css">'
_SCRIPT = '<script src="desk.js"></script>'
_CHARSET = '<meta charset="utf-8">'


def saved_document(settings: PageSettings, clock: str, responses: dict[str, Any]) -> str:
    """Return the page with responses by their paths, as of ``clock`` in ISO 8601. It has no halt, whoever opens it."""
    files = page_files(settings)
    style, script = files["/desk.css"].body, files["/desk.js"].body
    config = msgspec.structs.replace(settings, api="", control=False, sign_in=None)
    data = msgspec.json.encode({"config": config, "clock": clock, "responses": responses}).decode()
    policy = _POLICY.format(script=_digest(script), style=_digest(style))
    # No name in the data can end its element.
    held = '<script type="application/json" id="saved">' + data.replace("<", "\\u003c") + "</script>"
    return (
        files["/"]
        .body.replace(_CHARSET, f'{_CHARSET}\n<meta http-equiv="content-security-policy" content="{policy}">')
        .replace(_STYLE, f"<style>{style}</style>")
        .replace(_SCRIPT, f"{held}\n<script>{script}</script>")
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
