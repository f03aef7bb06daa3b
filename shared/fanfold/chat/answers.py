"""Responses of the HTTP API in lines for a phone."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from fanfold.alerts.record import AlertRecord
from fanfold.api.chart_schemas import AccountEquity
from fanfold.api.control_schemas import HaltAnswer, ResumeAnswer
from fanfold.api.schemas import AccountStatus, Cause, ExplainedOrder, PositionView, RecordedOrder, TradePage
from fanfold.chat.commands import VERBS, usage
from fanfold.chat.requests import ChatAnswer
from fanfold.messages import Fill
from fanfold.money import ZERO, amount, exact, money, places_of, profit
from fanfold.operators.persons import Person, may

# Digits of an order's id that are enough to name it.
SHORT = 8


def status(accounts: Sequence[AccountStatus]) -> ChatAnswer:
    """Show each account's state and money."""
    return ChatAnswer("Status", tuple(line for account in accounts for line in _account(account)))


def _account(account: AccountStatus) -> Iterator[str]:
    yield f"{account.account}: {account.trading_state}"
    if account.trading_state_reason:
        yield f"  {account.trading_state_reason}, by {account.trading_state_actor}"
    places = places_of(account.start)
    yield f"  cash {money(account.cash, places)} {account.currency}, began with {money(account.start, places)}"
    unknown = f", {account.unknown_orders} of UNKNOWN outcome" if account.unknown_orders else ""
    yield f"  {account.positions} positions, {account.open_orders} open orders{unknown}"
    yield f"  bars matched through {_minute(account.matched_through)}"


def positions(held: Iterable[PositionView]) -> ChatAnswer:
    """Show what is held, by strategy instance."""
    lines = [
        f"{each.account} {each.instance}: {amount(each.quantity)} {each.instrument}, cost {money(each.cost)}"
        for each in held
        if each.quantity
    ]
    return ChatAnswer("Positions", tuple(lines) or ("flat: nothing is held",))


def results(held: Iterable[PositionView]) -> ChatAnswer:
    """Show what each strategy instance realised, less its fees, and all of them together."""
    rows: dict[tuple[str, str], list[PositionView]] = {}
    for each in held:
        rows.setdefault((each.account, each.instance), []).append(each)
    lines = [f"{account} {instance}: {_net(views)}" for (account, instance), views in sorted(rows.items())]
    together = [f"in all: {_net([view for views in rows.values() for view in views])}"] if len(rows) > 1 else []
    return ChatAnswer("Realised results", (*lines, *together) or ("nothing was traded yet",))


@exact
def _net(views: Sequence[PositionView]) -> str:
    realised, fees = _total(view.realised for view in views), _total(view.fees for view in views)
    return f"{profit(realised - fees)}, {profit(realised)} before fees of {money(fees)}"


@exact
def _total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, ZERO)


def orders(listed: Sequence[RecordedOrder]) -> ChatAnswer:
    """Show the newest orders."""
    return ChatAnswer("Orders", tuple(map(_order, listed)) or ("none",))


def _order(order: RecordedOrder) -> str:
    became = f"{order.state} {order.code}".rstrip()
    what = f"{order.side} {amount(order.quantity)} {order.instrument}"
    return f"{order.order_id[:SHORT]} {_minute(order.decided_at)} {what}: {became}"


def why(explained: ExplainedOrder) -> ChatAnswer:
    """Show an order from its fills back to the bar."""
    order = explained.order
    lines = [_order(order), f"  {order.instance} on {order.account}"]
    lines += [f"  {text}" for text in (order.detail, order.reason) if text]
    lines += [f"  filled {amount(fill.quantity)} at {amount(fill.price)}" for fill in explained.fills]
    lines += [f"because of {_cause(step)}" for step in explained.chain]
    return ChatAnswer(f"Order {order.order_id[:SHORT]}", tuple(lines))


def _cause(step: Cause) -> str:
    if step.bar is not None:
        return f"the {step.bar.timeframe} bar of {_minute(step.at)}, close {amount(step.bar.close)}"
    about = step.code or (f"weight {step.weight:g}" if step.weight is not None else "")
    return f"{step.kind} {about}".rstrip()


def day(when: str, accounts: Sequence[tuple[AccountEquity, TradePage]]) -> ChatAnswer:
    """Show the result of a UTC day and its fills, by account and instrument."""
    return ChatAnswer(f"Day {when}", tuple(line for each in accounts for line in _day(*each)))


def _day(account: AccountEquity, page: TradePage) -> Iterator[str]:
    places = places_of(account.start)
    yield f"{account.account}: {profit(account.day_result, places)} {account.currency}"
    yield f"  equity {money(account.equity_now, places)}, {account.drawdown:.2%} from its highest of the day"
    yield from _traded(page.trades)
    if page.next is not None:
        yield "  only the newest fills: the day has more"


def _traded(fills: Sequence[Fill]) -> Iterator[str]:
    for instrument in sorted({fill.instrument for fill in fills}):
        mine = [fill for fill in fills if fill.instrument == instrument]
        sides = " ".join(f"{side} {_quantity(mine, side)}" for side in ("buy", "sell") if _of(mine, side))
        yield f"  {instrument}: {len(mine)} fills, {sides}, fees {money(_total(fill.fee for fill in mine))}"


def _of(fills: Sequence[Fill], side: str) -> list[Fill]:
    return [fill for fill in fills if fill.side == side]


def _quantity(fills: Sequence[Fill], side: str) -> str:
    return amount(_total(fill.quantity for fill in _of(fills, side)))


def alerts(records: Iterable[AlertRecord]) -> ChatAnswer:
    """Show what is open, the newest first."""
    newest = sorted(records, key=lambda record: record.last_s, reverse=True)
    lines = [f"{record.title}, since {_minute(datetime.fromtimestamp(record.first_s, UTC))}" for record in newest]
    return ChatAnswer("Alerts", tuple(lines) or ("none is open",))


def stopped(answer: HaltAnswer) -> ChatAnswer:
    """Show which accounts are in the state now, and which were left in a stricter one."""
    left = (f"{each.account} {each.detail}" for each in answer.left)
    return ChatAnswer(f"{answer.state}", (", ".join(answer.accounts), f"reason: {answer.reason}", *left))


def ask_to_flatten(accounts: Sequence[str], code: str) -> ChatAnswer:
    """Ask once whether every position is to be closed."""
    lines = (f"Every position of {', '.join(accounts)} would be closed at market.", "Within 2 minutes, send:")
    return ChatAnswer("Flatten?", lines, f"/flatten {code}")


def resumed(answer: ResumeAnswer, reason: str) -> ChatAnswer:
    """Show that an account trades again, or what a second person is to send."""
    if answer.state == "ACTIVE":
        return ChatAnswer("ACTIVE", (f"{answer.account} trades again: {reason}",))
    lines = (
        f"{answer.account} stays as it is until another person with the role resume sends this",
        f"before {_minute(answer.until)} UTC:",
    )
    return ChatAnswer("Asked", lines, f"/resume {answer.account} {answer.confirmation}")


def commands(person: Person) -> ChatAnswer:
    """List the commands that a person may give."""
    mine = [verb for verb in VERBS.values() if may(person, verb.role)]
    return ChatAnswer("Commands", tuple(f"{usage(verb)}: {verb.about}" for verb in mine))


def _minute(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%m-%d %H:%M") if at else "none yet"
