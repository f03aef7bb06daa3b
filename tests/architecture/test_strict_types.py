"""The types of the whole product are checked as strictly as mypy can; those of tests are checked, less strictly."""

import tomllib

from source_tree import ROOT, modules


def test_every_package_of_the_product_is_checked_strictly() -> None:
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    (strict,) = (entry["module"] for entry in overrides if entry.get("disallow_untyped_defs"))
    assert set(strict) == {f"{source_file.name.partition('.')[0]}.*" for source_file in modules()}
