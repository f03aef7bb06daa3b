"""The frozen results of the shipped strategies, each change of one with its line in CHANGELOG.md: `make golden`."""

import sys
from functools import cache
from hashlib import blake2s
from pathlib import Path

import msgspec

from fanfold import __version__
from fanfold.market.recording import Recording
from fanfold.research.result import AccountResult
from fanfold.strategy import contract
from support.backtests import ALL, START, bars, desk_of, fast_result, instance

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "tests" / "unit" / "golden_results.json"
CHANGELOG = ROOT / "CHANGELOG.md"
SEED, MINUTES, WARM_UP = 7, 5 * 1_440, 1_440
SHIPPED = [name for name in contract.names() if name != contract.EXTERNAL]
PAIR = ["ETH/USDT", "BTC/USDT"]


class GoldenResult(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy's result with its own params on the seeded market; ``digest`` is of every fill, refusal and equity."""

    fills: int
    round_trips: int
    equity: str
    fees: str
    digest: str


class GoldenEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A result from a version on, and the line of CHANGELOG.md that tells of its change; "" for the first."""

    version: str
    change: str
    result: GoldenResult


Golden = dict[str, list[GoldenEntry]]


def recorded() -> Golden:
    return msgspec.json.decode(FILE.read_bytes(), type=Golden)


def result_of(strategy: str) -> GoldenResult:
    """Back-test a strategy with its own params over four days, after one to warm up."""
    desk = desk_of({"golden": instance(strategy, PAIR if strategy == "pairs" else ALL, allocation="0.9")})
    account = fast_result(desk, _market(), START + 60 * WARM_UP, START + 60 * MINUTES)
    metrics = account.metrics
    return GoldenResult(
        fills=metrics.fills,
        round_trips=metrics.trips.round_trips,
        equity=f"{metrics.equity:f}",
        fees=f"{metrics.fees:f}",
        digest=_digest(account),
    )


@cache
def _market() -> list[Recording]:
    return bars(SEED, MINUTES)


def _digest(account: AccountResult) -> str:
    digest = blake2s(digest_size=16)
    for table in (account.fills, account.refusals, account.equity):
        digest.update(repr([list(row.values()) for row in table.to_pylist()]).encode())
    return digest.hexdigest()


def untold(golden: Golden, changelog: str) -> list[str]:
    """Return the changes of results that no line of the changelog tells of."""
    lines = {line.strip().removeprefix("- ") for line in changelog.splitlines()}
    return [
        f"{strategy} from {entry.version} on: {entry.change or 'no line'}"
        for strategy, entries in golden.items()
        for entry in entries[1:]
        if entry.change not in lines or strategy not in entry.change
    ]


def record(change: str) -> None:
    """Add the results that changed, with the line that tells of it, behind those that were recorded."""
    golden = recorded() if FILE.exists() else {}
    for strategy in SHIPPED:
        result, entries = result_of(strategy), golden.setdefault(strategy, [])
        if not entries or entries[-1].result != result:
            own = change if entries else ""
            entries.append(GoldenEntry(version=__version__, change=own, result=result))
    missing = untold(golden, CHANGELOG.read_text())
    if missing:
        sys.exit("write into CHANGELOG.md what changed, then name the line with CHANGE=: " + "; ".join(missing))
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(golden), indent=2) + b"\n")


if __name__ == "__main__":
    record(sys.argv[1].removeprefix("- "))
