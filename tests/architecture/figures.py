"""Print the figures of the house: `.venv/bin/python tests/architecture/figures.py`."""

import re
from graphlib import CycleError, TopologicalSorter

from source_tree import ROOT, imported, modules
from target_path import stays_of_a_target
from test_arrows import room_sizes, top_level
from test_sizes import lines, quantiles
from test_words import class_places, tracked


def imports_in_a_circle() -> str:
    """Return the first circle of modules, or none."""
    names = {module.name for module in modules()}
    try:
        tuple(
            TopologicalSorter(
                {source_file.name: {*imported(source_file)} & names - {source_file.name} for source_file in modules()}
            ).static_order()
        )
    except CycleError as circle:
        return " → ".join(circle.args[1])
    return "none"


def steps_by_hand() -> str:
    """Return how many files each recipe of docs/how-to changes by hand."""
    pages = sorted((ROOT / "docs" / "how-to").glob("*.md"))
    files = {page.stem: page.read_text().partition("## Files")[2].partition("## Generate")[0] for page in pages}
    return ", ".join(f"{kind} {len(re.findall(r'^[0-9]+[.] ', text, re.MULTILINE))}" for kind, text in files.items())


def figures() -> dict[str, object]:
    """Return each figure by its name."""
    sizes = room_sizes()
    room, biggest = sizes.most_common(1)[0]
    functions = [function for module in modules() for function in module.functions]
    median, nine_in_ten = quantiles(modules())
    stays = stays_of_a_target()
    shared = [name for name, places in class_places(modules()).items() if len(places) > 1]
    return {
        "lines of the product": sizes.total(),
        "rooms": len(sizes),
        "biggest room": f"{room}, {biggest / sizes.total():.0%}",
        "modules outside of a room": len(top_level()),
        "import circles": imports_in_a_circle(),
        "top-level files": len([name for name in tracked() if "/" not in name and not name.startswith(".")]),
        "lines of YAML and CJS": sum(
            len((ROOT / name).read_text().splitlines()) for name in tracked("*.yml", "*.yaml", "*.cjs")
        ),
        "functions": len(functions),
        "lines of the median, of nine in ten, of the longest": f"{median}, {nine_in_ten}, {max(map(lines, functions))}",
        "class names in two modules": len(shared),
        "stays and climbs of a target through risk": f"{len(stays)}, {sum(stay.climbs for stay in stays)}",
        "files by hand": steps_by_hand(),
    }


if __name__ == "__main__":
    for name, figure in figures().items():
        print(f"{name:52} {figure}")
