"""Generate documents from the code, so that they cannot disagree with it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from fanfold.codes import Code
from fanfold.deployment import SERVICES
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
    return "\n".join([*_RISK_CODES_HEAD, *lines, ""])


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
