"""A snapshot of a desk as lines of text, for a screen of any width; what matters is in words, not in colour alone."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fanfold.cli.output import grid, moment, plain, share
from fanfold.cli.reading import minute
from fanfold.cli.watching.desk_snapshot import DeskSnapshot
from fanfold.money import amount, money, places_of, profit

LEVELS = "▁▂▃▄▅▆▇█"
FULL, EMPTY = "█", "·"
BAR_WIDTH = 20
# From this width on there is room for whole bars.
BARS_FROM = 75
LINE_WIDTH_MIN = 24
_POSITIONS = {"instance": "strategy", "instrument": "instrument", "quantity": "quantity", "value": "value",
              "unrealised": "unrealised"}  # fmt: skip
_ORDERS = {"at": "at", "order": "order", "became": "state", "side": "side", "quantity": "quantity",
           "instrument": "instrument", "instance": "strategy"}  # fmt: skip


def heading(snapshot: DeskSnapshot, place: str) -> str:
    """Return the line on top: the desk, whether it trades, the time, and the age of its data."""
    does = "trades" if snapshot.running else "stopped"
    return f"{place}  {does}  {moment(snapshot.at)}  {_age(snapshot)}"


def _age(snapshot: DeskSnapshot) -> str:
    if snapshot.age_s is None:
        return "no bar yet"
    age = f"{snapshot.age_s} s" if snapshot.age_s < 600 else f"{snapshot.age_s // 60} min"
    return f"STALE: newest bar {age} ago" if snapshot.stale else f"newest bar {age} ago"


def alarms(snapshot: DeskSnapshot) -> list[str]:
    """Return what is wrong, which is in sight whatever else is: orders of unknown outcome first."""
    lines = [
        f"UNKNOWN: order {order['order_id'][:8]}, {order['side']} {amount(order['quantity'])} {order['instrument']}: "
        "it was sent, and the venue has not said what became of it"
        for order in snapshot.orders[: snapshot.unknown]
    ]
    for account in snapshot.accounts:
        name = account["account"]
        lines += [] if account["books_balance"] else [f"{name}: the books DO NOT BALANCE; see `fanfold status`"]
        lines += [f"{name}: {instrument} is frozen: {why}" for instrument, why in account.get("frozen", {}).items()]
    if snapshot.dead_letters:
        lines.append(f"{snapshot.dead_letters} dead letters; see `fanfold dead-letters list`")
    if snapshot.stale:
        lines.append("no new bar for more than two bars; see `fanfold doctor`, and whether the venue answers")
    return lines


def accounts(snapshot: DeskSnapshot, equities: Mapping[str, Sequence[Decimal]], width: int) -> list[str]:
    """Return a line or two for each account: its trading state, money, and equity as a small chart."""
    lines = []
    for account in snapshot.accounts:
        if "equity" not in account:
            lines.append(f"{account['account']}: not opened yet; `fanfold run` opens it, in a stage `fanfold open`")
            continue
        why = f" ({account['trading_state_reason']})" if account["trading_state_reason"] else ""
        lines.append(f"{account['account']}: {account['trading_state']}{why}")
        lines.append(f"  {_money(account)}")
        lines += [f"  {chart(equities.get(account['account'], ()), max(LINE_WIDTH_MIN, width - 2))}"]
    return lines


def _money(account: dict[str, Any]) -> str:
    places, start = places_of(account["start"]), account["start"]
    since = share((account["equity"] - start) / start, sign=True) if start else ""
    return (
        f"equity {money(account['equity'], places)} {account['currency']} {since}  "
        f"cash {money(account['cash'], places)}  fees {money(account['fees'], places)}"
    )


def states(snapshot: DeskSnapshot) -> str:
    """Return the trading state of each account in a line."""
    return ", ".join(f"{account['account']} {account['trading_state']}" for account in snapshot.accounts)


def chart(values: Sequence[Decimal], width: int) -> str:
    """Return values as a line of blocks between their lowest and highest, the newest at the right."""
    shown = _spread(values, width)
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    span = high - low
    # Without movement there is nothing to see: a line in the middle.
    levels = (int((value - low) * (len(LEVELS) - 1) / span) if span else len(LEVELS) // 2 for value in shown)
    return "".join(LEVELS[level] for level in levels)


def _spread(values: Sequence[Decimal], width: int) -> list[Decimal]:
    """Return at most ``width`` of many values, the last of each part."""
    if len(values) <= width:
        return list(values)
    return [values[(place + 1) * len(values) // width - 1] for place in range(width)]


def limits_title(snapshot: DeskSnapshot) -> str:
    """Return the heading of the limits, which says where they were read."""
    return f"limits, {' and '.join(sorted({account['read'] for account in snapshot.limits}))}"


def limits(snapshot: DeskSnapshot, width: int) -> list[str]:
    """Return a bar for each limit of which something is used, and the loss limit that is broken."""
    lines = []
    several = len(snapshot.limits) > 1
    for account in snapshot.limits:
        lines += [f"{account['account']}: BROKEN: {account['breach']}"] if account["breach"] else []
        of = f"{account['account']} " if several else ""
        lines += [_limit(of, use, width) for use in account["limits"] if use["used"] is not None]
    return lines or ["no account is open"]


def _limit(of: str, use: dict[str, Any], width: int) -> str:
    name = f"{of}{use['limit'].removesuffix('_max').removesuffix('_notional')} {use['subject']}".rstrip()
    part = share(use["share"]) if use["share"] is not None else ""
    over = "OVER " if use["used"] > use["most"] else ""
    whole = width >= BARS_FROM
    drawn = bar(use["used"], use["most"], BAR_WIDTH if whole else BAR_WIDTH // 2)
    most = f" of {_figure(use['most'])}" if whole else ""
    return f"{name:<20} {drawn} {part:>7}  {over}{_figure(use['left'])} left{most}"


def _figure(value: Decimal) -> str:
    return amount(value) if value == value.to_integral_value() else money(value)


def positions(snapshot: DeskSnapshot) -> list[str]:
    """Return the positions as a table."""
    if not snapshot.positions:
        return ["no positions"]
    rows = [
        row
        | {"value": money(row["value"]) if row["value"] is not None else "no price"}
        | {"unrealised": profit(row["unrealised"]) if row["unrealised"] is not None else ""}
        for row in snapshot.positions
    ]
    return plain(grid("", rows, _POSITIONS)).splitlines()


def orders(snapshot: DeskSnapshot) -> list[str]:
    """Return the orders that may still fill as a table, those of unknown outcome first."""
    if not snapshot.orders:
        return ["no open orders"]
    rows = [
        order
        | {"at": minute(order["decided_at"]), "order": order["order_id"][:8]}
        | {"became": "UNKNOWN" if place < snapshot.unknown else order["state"]}
        for place, order in enumerate(snapshot.orders)
    ]
    return plain(grid("", rows, _ORDERS)).splitlines()


def bar(used: Decimal, most: Decimal, width: int = BAR_WIDTH) -> str:
    """Return what is used of a limit as a bar; more than all of it is full."""
    filled = min(width, int(used * width / most)) if most > 0 else width
    return FULL * filled + EMPTY * (width - filled)


def text(lines: Iterable[str]) -> str:
    """Return lines as one text."""
    return "\n".join(lines)
