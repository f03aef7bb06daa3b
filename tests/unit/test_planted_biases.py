"""Every planted bias is found by the check that is for it, and strategies without one pass them all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fanfold.strategy import folder
from support import planted_biases
from support.planted_biases import CLEAN, DATA, STRATEGIES, findings_on

ROOT = Path(__file__).resolve().parents[2]
# The others are tried by `make bench-verdict`.
CLEAN_HERE = [CLEAN[n] for n in (0, 3, 5, 7, 12, 17)]


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[Path]:
    for name in STRATEGIES:
        planted_biases.write(tmp_path, name)
    folder.use(tmp_path)
    yield tmp_path
    folder.use(None)


@pytest.fixture
def shipped() -> Iterator[None]:
    folder.use(ROOT / "examples" / "strategies")
    yield
    folder.use(None)


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_with_a_planted_bias_is_found(name: str):
    finding = findings_on(name, planted_biases.market_for(name))[STRATEGIES[name].finds]
    assert finding.outcome == "failed", finding.line
    assert finding.change


@pytest.mark.parametrize("name", DATA)
def test_data_with_a_planted_bias_are_found(name: str):
    check, market = DATA[name]
    finding = findings_on("sma_cross", market())[check]
    assert finding.outcome == "failed", finding.line
    assert finding.change


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize(("name", "params", "count"), CLEAN_HERE, ids=[name for name, _, _ in CLEAN_HERE])
def test_a_strategy_without_a_bias_passes(name: str, params: dict[str, float], count: int):
    findings = findings_on(name, planted_biases.clean_market(count), params)
    assert {key: finding.line for key, finding in findings.items() if finding.outcome == "failed"} == {}


@pytest.mark.usefixtures("planted")
def test_bars_that_are_not_over_are_named_by_their_length():
    assert findings_on("centred_mean", planted_biases.market_for("centred_mean"))["look-ahead"].figures["longer"] == ""
    for name, length in (("hour_not_over", "1h"), ("day_not_over", "1d")):
        finding = findings_on(name, planted_biases.market_for(name))["look-ahead"]
        assert finding.figures["longer"] == length
        assert f"within bars of {length}" in finding.measured


def test_the_lookback_that_is_advised_is_enough(planted: Path):
    advised = findings_on("short_average", planted_biases.market_for("short_average"))["warm-up"].figures[
        "lookback_min"
    ]
    file = planted / "short_average.py"
    longer = planted / "longer_average.py"
    longer.write_text(file.read_text().replace("return params.n\n", f"return {advised}\n"))
    folder.use(planted)
    assert findings_on("longer_average", planted_biases.market_for("short_average"))["warm-up"].outcome == "passed"
