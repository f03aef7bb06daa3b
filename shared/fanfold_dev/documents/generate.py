"""Generate documents from the code, so that they cannot disagree with it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from fanfold.codes import Code
from fanfold.deployment import SERVICES
from fanfold.records import LegCode
from fanfold.risk.rules import BUNDLE_RULE, ORDER_RULES, TARGET_RULES
from fanfold_dev.documents.commands import commands_markdown
from fanfold_dev.documents.cost import cost_markdown
from fanfold_dev.documents.data_files import PAGE as DATA_FILES
from fanfold_dev.documents.data_files import data_files_markdown
from fanfold_dev.documents.desk_file import desk_file_markdown
from fanfold_dev.documents.functions import functions_markdown
from fanfold_dev.documents.glue_catalog import text as catalogue_json
from fanfold_dev.documents.lake_views import PAGE as LAKE_VIEWS
from fanfold_dev.documents.lake_views import lake_views_markdown
from fanfold_dev.documents.licences import licences_markdown
from fanfold_dev.documents.messages import messages_markdown
from fanfold_dev.documents.openapi import openapi_json
from fanfold_dev.documents.service_heads import path, readme
from fanfold_dev.documents.topology import topology_json


def risk_codes_markdown() -> str:
    """Return the table of every reason for which risk refuses, in the order in which the rules are checked."""
    rows = [(rule.code, rule.text, rule.reductions) for rule in TARGET_RULES]
    rows += [(rule.code, rule.text, rule.reductions) for rule in ORDER_RULES]
    rows.append((Code.BUNDLE, BUNDLE_RULE, False))
    lines = [f"| `{code}` | {text} | {'yes' if applies else 'no'} |" for code, text, applies in rows]
    legs = [f"| `{code}` | {text} | {todo} |" for code, (text, todo) in zip(LegCode, _LEGS, strict=True)]
    return "\n".join([*_RISK_CODES_HEAD, *lines, *_LEGS_HEAD, *legs, ""])


_RISK_CODES_HEAD = (
    "# Risk codes",
    "",
    "Written from `shared/fanfold/risk/rules.py`; change the rule, not this page.",
    "",
    "Rules are checked from top to bottom, and the first that fails refuses the order. An order may meet a limit",
    "exactly; where data is missing, it is refused. The last column says whether the rule applies to exits as well: to",
    "orders that only take a position towards zero, however the live orders fill.",
    "",
    "| Code | Refuses when | Applies to exits |",
    "| --- | --- | --- |",
)

_LEGS_HEAD = (
    "",
    "## Why a leg does not trade",
    "",
    "A leg is a strategy instance on one instrument. `fanfold status` and `fanfold signals` show why it is idle, as",
    "signal and as risk report it; [alerts](alerts.md#what-is-sent) says which of these codes are sent to a channel.",
    "",
    "| Code | Meaning | What to do |",
    "| --- | --- | --- |",
)
# In the order of the codes.
_LEGS = (
    ("It trades again.", "Nothing."),
    ("`step` failed, or returned no finite number. The detail names file and line.", "Fix the strategy."),
    (
        "It has not seen as many bars as it looks back on.",
        "Wait; the detail counts the bars at the time it was reported.",
    ),
    ("It waits for bars, or continues without those of one instrument.", "Look at the venue; it continues by itself."),
    ("Its stored state does not fit any more, as after a change of its code or params.", "Nothing: it warms up anew."),
    ("Its target is too small for an order at the venue.", "Raise `allocation`, or trade fewer instruments."),
    ("What it holds is too small to be sold.", "Nothing, or sell it at the exchange."),
    ("An instrument has no price.", "Look at the venue."),
    (
        "A stop, trail or profit closed it, or its bundle was uneven for too long.",
        "Nothing: it stays flat until the strategy wants 0 or the other side.",
    ),
    ("The venue changed tick, lot or limits; it trades by the stricter ones.", "`fanfold desk check --refresh`"),
    (
        "Its position has no stop at the venue: the desk alone protects it.",
        "Watch it, or close it; `fanfold status` has it as `no stop`, with the detail.",
    ),
    (
        "It holds a position, and its strategy or instrument is not in the desk file any more. Its stop still counts.",
        "[Close it, or put it back](operations.md#a-strategy-that-leaves-the-desk-file).",
    ),
    ("After FLATTENING the account holds nothing any more.", "`fanfold resume` when it shall trade again."),
)

# Path from the root of the repository -> what writes it.
DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/risk-codes.md": risk_codes_markdown,
    "docs/desk-file.md": desk_file_markdown,
    DATA_FILES: data_files_markdown,
    LAKE_VIEWS: lake_views_markdown,
    "docs/messages.md": messages_markdown,
    "docs/commands.md": commands_markdown,
    "docs/cost.md": cost_markdown,
    "docs/licences.md": licences_markdown,
    "docs/openapi.json": openapi_json,
    "shared/stacks/glue_catalog.json": catalogue_json,
    "shared/stacks/topology.json": topology_json,
}


def packaged() -> dict[str, Callable[[], str]]:
    """Return the documents of the packaged stacks, which take the tool a minute where a stack has changed."""
    heads = {path(service): partial(readme, service) for service in SERVICES}
    return {"docs/functions.md": functions_markdown, **heads}


def write(root: Path) -> list[Path]:
    """Write every generated document under the root of a repository, and say which."""
    documents = DOCUMENTS | packaged()
    for name, text in documents.items():
        (root / name).write_text(text())
    return [root / name for name in documents]


if __name__ == "__main__":
    write(Path.cwd())
