"""The bill of materials: valid by its schema, and just what is in the image."""

import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from fanfold.errors import BadInput
from fanfold_dev.images import distributions, sbom
from support.running import ROOT

STATUS = """Package: libc6
Status: install ok installed
Version: 2.36-9
Architecture: amd64

Package: gone
Status: deinstall ok config-files
Version: 1
Architecture: all
"""


def locked_entry(name: str, version: str) -> list[object]:
    return [name, version, {"License-Expression": "MIT"}, []]


def seen(service: str) -> dict[str, object]:
    """The inspection of an image that holds exactly its lock."""
    held = [locked_entry(library.name, library.version) for library in distributions.locked(service, ROOT)]
    return {"distributions": held, "debian": STATUS, "made_of": "00"}


@pytest.mark.parametrize("name", ["signal", "market-data"])
def test_a_bill_is_valid_by_the_schema_and_the_same_each_time_but_for_its_date(name):
    text = sbom.bill(name, ROOT, seen(name))
    assert not JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    bill, again = json.loads(text), json.loads(sbom.bill(name, ROOT, seen(name)))
    assert bill["serialNumber"] == again["serialNumber"]
    assert bill["components"] == again["components"]


def test_an_invalid_bill_of_materials_fails():
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str("{}")


def test_versions_hashes_licences_and_debians_packages_are_in_it():
    components = {
        component["name"]: component
        for component in json.loads(sbom.bill("signal", ROOT, seen("signal")))["components"]
    }
    (pinned,) = [library for library in distributions.locked("signal", ROOT) if library.name == "msgspec"]
    part = components["msgspec"]
    assert (part["version"], part["purl"]) == (pinned.version, f"pkg:pypi/msgspec@{pinned.version}")
    assert part["licenses"] == [{"license": {"id": "MIT"}}]
    assert {digest["content"] for digest in part["externalReferences"][0]["hashes"]} == set(pinned.hashes)
    assert components["libc6"]["purl"] == "pkg:deb/debian/libc6@2.36-9?arch=amd64"
    assert "gone" not in components


def test_a_package_missing_from_the_lock_is_rejected():
    strange = seen("signal") | {"distributions": [locked_entry("strange", "1")]}
    with pytest.raises(BadInput, match="strange 1"):
        sbom.bill("signal", ROOT, strange)


def test_an_image_holds_what_its_lock_names_and_its_bill_says_so(service):
    bill = json.loads(sbom.bill(service, ROOT, sbom.inspect(service)))
    names = {component["name"] for component in bill["components"] if component["purl"].startswith("pkg:pypi/")}
    assert names == {library.name for library in distributions.locked(service, ROOT)}
