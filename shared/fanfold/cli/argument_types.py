"""Types of command-line arguments. An error message says what to write instead."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from cyclopts import ArgumentCollection, Group, Parameter, Token

from fanfold.deployment import SERVICES_WITH_QUEUES
from fanfold.market.timeframes import YEARS, YEARS_SPAN

# A minute a day; anything slower would seem to stand still.
SLOWEST = 1e-5
PORT_MAX = 65_535
ONE_DAY = timedelta(days=1)


class Options(NamedTuple):
    """The values of `--state` and `--json`, and the words of the command, such as "audit verify"."""

    state: Path
    json: bool
    command: str


def read_by(read: Callable[[str], Any]) -> Callable[[Any, Sequence[Token]], Any]:
    """Return a converter that reads the last text given for an argument."""
    return lambda _type, tokens: read(tokens[-1].value)


def exclusive(arguments: ArgumentCollection) -> None:
    """Reject two arguments of a group at once."""
    names = [argument.name for argument in arguments if argument.tokens]
    if len(names) > 1:
        raise ValueError(f"{' and '.join(names)} are mutually exclusive")


def only_one() -> Group:
    """Return a group of arguments that exclude each other."""
    return Group(validator=exclusive)


def text(_type: object, value: str | None) -> None:
    """Reject an option where a text belongs; a text may begin with a hyphen if it has a blank."""
    if value is not None and value.startswith("-") and not any(map(str.isspace, value)):
        raise ValueError(f"{value} looks like an option; a text that begins with a hyphen needs a blank in it")


def read_moment(written: str) -> int:
    """Return the epoch seconds of a time in ISO 8601, UTC unless it names another zone."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as wrong:
        raise ValueError(f"{written!r} is not an ISO 8601 time such as 2026-03-24T00:00") from wrong
    if moment.year not in YEARS:
        raise ValueError(f"{written!r} is not a time {YEARS_SPAN}")
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def read_day(written: str) -> str:
    """Return a date in ISO 8601; it has a day after it."""
    try:
        return (date.fromisoformat(written) + ONE_DAY - ONE_DAY).isoformat()
    except (ValueError, OverflowError) as wrong:
        raise ValueError(f"{written!r} is not a date such as 2026-03-24") from wrong


def read_count(written: str) -> int:
    if not written.isdecimal() or int(written) < 1:
        raise ValueError(f"{written!r} is not a whole number above zero")
    return int(written)


def read_whole(written: str) -> int:
    if not written.isdecimal():
        raise ValueError(f"{written!r} is not a whole number from 0 up")
    return int(written)


def read_port(written: str) -> int:
    if not written.isdecimal() or int(written) > PORT_MAX:
        raise ValueError(f"{written!r} is not a port from 0 to {PORT_MAX}")
    return int(written)


def read_money(written: str) -> Decimal:
    """Return an amount above zero."""
    amount = _amount(written)
    if not amount.is_finite() or amount <= 0:
        raise ValueError(f"{written!r} is not an amount above zero")
    return amount


def read_bps(written: str) -> Decimal:
    """Return a share in basis points, 0 or more."""
    share = _amount(written)
    if not share.is_finite() or share < 0:
        raise ValueError(f"{written!r} is not a number of basis points from 0 up")
    return share


def _amount(written: str) -> Decimal:
    try:
        return Decimal(written)
    except ArithmeticError as wrong:
        raise ValueError(f"{written!r} is not an amount such as 2.5") from wrong


def read_speed(written: str) -> str | float:
    """Return ``max``, ``live``, or simulated minutes a second."""
    if written in {"max", "live"}:
        return written
    try:
        speed = float(written)
    except ValueError:
        speed = 0.0
    if not SLOWEST <= speed < float("inf"):
        raise ValueError(f"{written!r} is not max, live, or minutes a second, at least {SLOWEST}")
    return speed


if TYPE_CHECKING:
    ServiceName = str
else:
    ServiceName = Literal[SERVICES_WITH_QUEUES]

PlatformName = Literal["telegram", "slack", "discord"]

# A command takes them as its keyword `options`; they are not its arguments.
Shared = Annotated[Options, Parameter(parse=False)]
StageName = Annotated[
    str,
    Parameter(
        metavar="NAME", help="a deployed stage in place of the local desk, in the account that the AWS variables name"
    ),
]
Account = Annotated[str | None, Parameter(metavar="NAME", help="one account of the desk; without it, all")]
Instrument = Annotated[
    str | None, Parameter(metavar="NAME", help="only of this instrument, such as BTC/USDT, in any case")
]
Service = Annotated[ServiceName | None, Parameter(metavar="NAME", help="one service; without it, all")]
Strategies = Annotated[
    Path | None, Parameter(metavar="DIR", help="the folder of your own strategies (./strategies, where it exists)")
]
Columns = Annotated[
    str,
    Parameter(
        metavar="MEANING=COLUMN,...",
        help="which column of the files is which, by name or number: time=start_at,volume=amount; volume=none",
    ),
]
DeskFile = Annotated[Path, Parameter(metavar="FILE", help="the desk file (desk.toml)")]
Reason = Annotated[
    str,
    Parameter(metavar="TEXT", help="why; it goes into the audit chain", allow_leading_hyphen=True, validator=text),
]
Moment = Annotated[int | None, Parameter(metavar="TIME", converter=read_by(read_moment))]
Count = Annotated[int, Parameter(metavar="N", converter=read_by(read_count))]
Money = Annotated[Decimal | None, Parameter(metavar="AMOUNT", converter=read_by(read_money))]
Bps = Annotated[Decimal | None, Parameter(metavar="BPS", converter=read_by(read_bps))]
DataFiles = Annotated[
    list[str] | None,
    Parameter(metavar="FILE", consume_multiple=1, help="bars to trade: FILE or FILE=BASE/QUOTE, one or more"),
]
StrategyParams = Annotated[list[str] | None, Parameter(metavar="K=V", help="a param of that strategy")]
StartingCash = Annotated[Money, Parameter(help="starting cash of each account, in its currency")]
FirstClose = Annotated[Moment, Parameter(name="--from", help="first close to trade, ISO 8601")]
LastClose = Annotated[Moment, Parameter(help="last close to trade, ISO 8601")]
MinutesMax = Annotated[Count | None, Parameter(help="trade N minutes of market time at most")]
