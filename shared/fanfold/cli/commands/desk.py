"""``fanfold strategies`` and ``fanfold desk check``: what there is to trade with, and what would trade."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fanfold import desk
from fanfold.cli.commands.command import Command, add_strategies
from fanfold.cli.commands.doctor import read_desk
from fanfold.cli.exit_codes import Exit
from fanfold.cli.instruments_toml import text_of, with_instruments
from fanfold.cli.output import Answer, Grid, amount, grid
from fanfold.desk import Desk, Instrument, StrategyInstance
from fanfold.errors import BadInput
from fanfold.strategy import contract, folder
from fanfold.strategy.contract import Strategy


def list_strategies(arguments: Namespace) -> Answer:
    """Every strategy with its params' defaults; a failure where one is broken, which hides no other."""
    folder.use(folder.chosen(arguments.strategies))
    rows, broken = list[dict[str, Any]](), dict[str, str]()
    for name in contract.names():
        try:
            rows.append(_strategy(name))
        except BadInput as wrong:
            broken[name] = str(wrong)
    shown = [row | {"params": _params_text(row["params"]), "instruments": row["instruments"] or "any"} for row in rows]
    columns = {name: name for name in ("name", "params", "lookback", "instruments", "about")}
    text = [f"BROKEN {told}" for told in broken.values()]
    return Answer(
        {"strategies": rows, "broken": broken}, [grid("", shown, columns), *text], Exit.FAILED if broken else Exit.OK
    )


def check(arguments: Namespace) -> Answer:
    """What a desk file would trade; with --refresh, its instruments as their venues have them today."""
    folder.use(folder.chosen(arguments.strategies))
    text = read_desk(arguments.file)
    if arguments.refresh:
        return _refresh(arguments.file, text, write=arguments.write)
    found = desk.parse(text, str(arguments.file))
    document = {
        "file": str(arguments.file),
        "venues": found.venues,
        "accounts": found.accounts,
        "strategies": [_instance(name, one) for name, one in found.strategies.items()],
        "limits": found.limits,
        "instruments": found.instruments,
    }
    return Answer(document, [f"{arguments.file} is valid", *_grids(found)])


def _strategy(name: str) -> dict[str, Any]:
    wanted = contract.instruments_of(name)
    bound = contract.bind(name, {}, wanted or 1)
    return {
        "name": name,
        "about": contract.about(name),
        "params": bound.params._asdict(),
        "lookback": bound.lookback,
        "instruments": wanted,
        "cross_sectional": bound.cross_sectional,
    }


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
    }


def _grids(found: Desk) -> list[str | Grid]:
    venues = [
        {"venue": name, "kind": one.kind, "exchange": one.exchange, "timeframe": one.timeframe, "symbols": one.symbols}
        for name, one in found.venues.items()
    ]
    accounts = [
        {
            "account": name,
            "venue": one.venue,
            "kind": f"{one.mode} {one.kind}",
            "cash": one.cash,
            "currency": one.currency,
            "taker_bps": one.taker_bps,
        }
        for name, one in found.accounts.items()
    ]
    rows = [_instance(name, one) for name, one in found.strategies.items()]
    shown = [row | {"params": _params_text(row["params"])} for row in rows]
    return [
        grid("\n" + title, table, {name: name for name in table[0]})
        for title, table in (("venues", venues), ("accounts", accounts), ("strategies", shown))
        if table
    ]


def _params_text(params: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in params.items())


def _refresh(path: Path, text: str, *, write: bool) -> Answer:
    found = _catalogues(desk.tables(text, str(path)), path)
    document = {"instruments": found, "written": write}
    if not write:
        return Answer(document, [text_of(found).rstrip("\n")])
    fresh = with_instruments(text, found)
    # Never write a file that the next command refuses.
    desk.parse(fresh, str(path))
    path.write_text(fresh)
    return Answer(document, [f"{path}: {len(found)} instruments written, {amount_of(found)}"])


def amount_of(found: Mapping[str, Instrument]) -> str:
    """The instruments with their ticks, for the eye."""
    return ", ".join(f"{name} tick {amount(one.tick)}" for name, one in found.items())


def _catalogues(raw: dict[str, Any], path: Path) -> dict[str, Instrument]:
    """The rules of every instrument, from the exchanges that the desk's venues name."""
    from fanfold.venues.ccxt.venue import catalogue  # noqa: PLC0415 - it loads ccxt

    as_of = datetime.now(UTC).date().isoformat()
    venues = [one for one in raw.get("venues", {}).values() if isinstance(one, dict) and one.get("kind") == "ccxt"]
    if not venues:
        raise BadInput(f"{path}: no venue is of kind ccxt, so there is none to take instruments from")
    found: dict[str, Instrument] = {}
    for venue in venues:
        if not venue.get("exchange") or not venue.get("symbols"):
            raise BadInput(f"{path}: a venue of kind ccxt needs `exchange` and `symbols`")
        found |= catalogue(venue["exchange"], list(venue["symbols"]), as_of)
    return found


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", type=Path, default=Path("desk.toml"), metavar="FILE", help="the desk file (desk.toml)"
    )
    add_strategies(parser)
    parser.add_argument("--refresh", action="store_true", help="print the instruments as the venues have them today")
    parser.add_argument("--write", action="store_true", help="with --refresh: write them into the file")


COMMANDS = (
    Command(
        ("strategies",),
        "The strategies there are, with their params and defaults.",
        "fanfold strategies",
        list_strategies,
        add_strategies,
        exits=(Exit.FAILED,),
    ),
    Command(
        ("desk", "check"),
        "Validate a desk file and say what would trade; take its instruments from the venues.",
        "fanfold desk check desk.toml --refresh --write",
        check,
        _add_arguments,
        (),
    ),
)
