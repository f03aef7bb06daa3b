"""Pages that open offline: they hold their data, styles and scripts, and load nothing."""

from html import escape
from importlib import resources

from fanfold import __version__

PAGE_BYTES_MAX = 500_000


def page_of(script: str, title: str, numbers: bytes) -> str:
    """Return the page that a script of ``research/pages`` draws of numbers, which are JSON."""
    return (
        _part("tear_sheet.html")
        .replace("{version}", __version__)
        .replace("{style}", _part("tear_sheet.css"))
        .replace("{script}", _part(script))
        # What users named comes last, and stands in front of nothing that is still to be replaced.
        .replace("{sheet}", _inside_a_script(numbers.decode()), 1)
        .replace("{title}", escape(title), 1)
    )


def _inside_a_script(text: str) -> str:
    """Return JSON that no name in it, such as that of a strategy, can end the script with."""
    return text.replace("<", "\\u003c")


def _part(name: str) -> str:
    return (resources.files("fanfold.research") / "pages" / name).read_text(encoding="utf-8")
