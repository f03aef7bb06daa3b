"""Validate a desk file and say what would trade.

With `--refresh`, take its instruments from the venues.

Example: fanfold desk check
Example: fanfold desk check desk.toml --refresh --write
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from msgspec.structs import asdict

from fanfold import desk
from fanfold.cli.argument_types import DeskFile, Strategies
from fanfold.cli.instruments_toml import text_of, with_instruments
from fanfold.cli.output import Answer, Grid, grid, pairs
from fanfold.cli.whole_files import writing
from fanfold.desk import Desk, Instrument, Limits, StrategyInstance
from fanfold.errors import BadInput
from fanfold.local import desk_meaning, whole_weights
from fanfold.local.desk_text import read_desk
from fanfold.money import amount
from fanfold.strategy import contract, folder
from fanfold.strategy.contract import Strategy

# A profit or a yearly volatility from here on is told, for it may be a percentage.
SELDOM_MEANT = 2


def command(
    file: DeskFile = Path("desk.toml"),
    /,
    *,
    strategies: Strategies = None,
    refresh: Annotated[bool, Parameter(help="print the instruments as the venues have them today")] = False,
    write: Annotated[bool, Parameter(help="with --refresh: write them into the file")] = False,
) -> Answer:
    """Return what a desk file would trade; with --refresh, its instruments as their venues have them today."""
    if write and not refresh:
        raise BadInput("--write goes with --refresh: it writes the instruments that --refresh takes from the venues")
    folder.use(folder.chosen(strategies))
    text = read_desk(file)
    if refresh:
        return _refresh(file, text, write=write)
    checked = desk_meaning.parse(text, str(file))
    document = {
        "file": str(file),
        "venues": checked.venues,
        "accounts": checked.accounts,
        "strategies": [_instance(name, instance) for name, instance in checked.strategies.items()],
        "limits": checked.limits,
        "instruments": checked.instruments,
    }
    refused = [*whole_weights.too_small(checked), *whole_weights.too_large(checked)]
    left_out = _left_out(desk.tables(text, str(file)))
    return Answer(
        document, [f"{file} is valid", *_grids(checked), *_live(checked), *left_out, *_large_shares(checked), *refused]
    )


def _large_shares(checked: Desk) -> Iterator[str]:
    """Yield the shares that are allowed, and seldom meant: 5 where 0.05 was."""
    for name, instance in checked.strategies.items():
        for key in ("take_profit", "volatility"):
            share = getattr(instance, key)
            if share >= SELDOM_MEANT:
                yield f"[strategies.{name}] `{key}` is {amount(share)}, which is {100 * share:.0f} %; 0.05 is 5 %"


def _live(checked: Desk) -> Iterator[str]:
    for name, account in checked.accounts.items():
        if account.mode == "live":
            yield (
                f"[accounts.{name}] is live: its orders go to {account.venue} in the stage live alone, and only if "
                f"FANFOLD_LIVE_VENUE={account.venue} and its API key is in the parameter /fanfold/live/venue; "
                "anywhere else it trades on paper"
            )


def _left_out(raw: dict[str, Any]) -> Iterator[str]:
    for name, written in raw["limits"].items():
        missing = [key for key in Limits.__struct_fields__ if key not in written]
        if missing:
            yield f"[limits.{name}] leaves out {', '.join(missing)}: the defaults above hold"


def _instance(name: str, instance: StrategyInstance) -> dict[str, Any]:
    bound: Strategy = contract.bind(instance.strategy, instance.params, len(instance.instruments))
    return {
        "instance": name,
        "strategy": instance.strategy,
        "params": bound.params._asdict(),
        "lookback": bound.lookback,
        "timeframe": instance.timeframe,
        "instruments": instance.instruments,
        "allocation": instance.allocation,
        "account": instance.account,
        "order": instance.order,
        "slices": instance.slices,
        "slices_over_s": instance.slices_over_s,
    }


def _grids(checked: Desk) -> list[str | Grid]:
    venues = [
        {
            "venue": name,
            "kind": venue.kind,
            "exchange": venue.exchange,
            "timeframe": venue.timeframe,
            "symbols": venue.symbols,
        }
        for name, venue in checked.venues.items()
    ]
    accounts = [
        {
            "account": name,
            "venue": account.venue,
            "kind": f"{account.mode} {account.kind}",
            "cash": account.cash,
            "currency": account.currency,
            "taker_bps": account.taker_bps,
            "maker_bps": account.maker_bps,
            "spread_bps": account.spread_bps,
            "slippage_bps": account.slippage_bps,
        }
        for name, account in checked.accounts.items()
    ]
    limits = [
        {"limits": name} | {key.removesuffix("_max"): value for key, value in asdict(entry).items()}
        for name, entry in checked.limits.items()
    ]
    rows = [_instance(name, instance) for name, instance in checked.strategies.items()]
    shown = [_shown(row) for row in rows]
    if all(row["order"] == "market" for row in shown):
        shown = [{name: value for name, value in row.items() if name != "order"} for row in shown]
    return [
        grid("\n" + title, table, {name: name for name in table[0]})
        for title, table in (("venues", venues), ("accounts", accounts), ("strategies", shown), ("limits", limits))
        if table
    ]


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an instance as the table has it: with its slices in the column of its orders."""
    slices = f", {row['slices']} slices" if row["slices"] > 1 else ""
    cells = {name: value for name, value in row.items() if name not in ("slices", "slices_over_s")}
    return cells | {"params": pairs(row["params"]), "order": row["order"] + slices}


def _refresh(path: Path, text: str, *, write: bool) -> Answer:
    instruments = _catalogues(desk.tables(text, str(path)), path)
    document = {"instruments": instruments, "written": write}
    if not write:
        return Answer(document, [text_of(instruments).rstrip("\n")])
    fresh = with_instruments(text, instruments)
    # Never write a file that the next command rejects.
    desk_meaning.parse(fresh, str(path))
    with writing(path) as file:
        file.write(fresh.encode())
    return Answer(document, [f"{path}: {len(instruments)} instruments written, {_ticks(instruments)}"])


def _ticks(instruments: Mapping[str, Instrument]) -> str:
    return ", ".join(f"{name} tick {amount(instrument.tick)}" for name, instrument in instruments.items())


def _catalogues(raw: dict[str, Any], path: Path) -> dict[str, Instrument]:
    """Return the rules of every instrument, from the exchanges that the desk's venues name."""
    from fanfold.venues.ccxt.venue import catalogue  # noqa: PLC0415 - it loads ccxt

    as_of = datetime.now(UTC).date().isoformat()
    venues = [
        table for table in raw.get("venues", {}).values() if isinstance(table, dict) and table.get("kind") == "ccxt"
    ]
    if not venues:
        raise BadInput(f"{path}: no venue is of kind ccxt, so there is none to take instruments from")
    instruments: dict[str, Instrument] = {}
    for venue in venues:
        if not venue.get("exchange") or not venue.get("symbols"):
            raise BadInput(f"{path}: a venue of kind ccxt needs `exchange` and `symbols`")
        instruments |= catalogue(venue["exchange"], list(venue["symbols"]), as_of)
    return instruments
