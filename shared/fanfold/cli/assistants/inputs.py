"""The inputs of the tools: typed, bounded, and without room for anything else."""

from datetime import date
from typing import Annotated, Literal

import msgspec

from fanfold.cli.assistants.desk_changes import CHANGES_MAX
from fanfold.cli.assistants.tickets import DeskChange
from fanfold.cli.assistants.written_strategies import SOURCE_MAX

Name = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[A-Za-z0-9_.\-]*$")]
RunName = Annotated[
    str,
    msgspec.Meta(
        max_length=16, pattern=r"^[0-9a-f]*$", description="a run that `paper_run` began; empty for the desk itself"
    ),
]
Account = Annotated[Name, msgspec.Meta(description="one account of the desk; empty for all")]
Instrument = Annotated[
    str, msgspec.Meta(max_length=40, description="only of this instrument, such as BTC/USDT; empty for all")
]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
StrategyName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, description="a strategy's name, or its file in the folders allowed")
]
Source = Annotated[
    str,
    msgspec.Meta(
        max_length=SOURCE_MAX,
        description="the text of a strategy that you wrote, to be kept under the name; scope paper or above",
    ),
]
Files = Annotated[
    list[Annotated[str, msgspec.Meta(max_length=300)]],
    msgspec.Meta(max_length=8, description="files of bars, FILE or FILE=BASE/QUOTE; without any, the seeded market"),
]
Params = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=40)], int | float],
    msgspec.Meta(max_length=16, description="params of the strategy"),
]
DryRun = Annotated[bool, msgspec.Meta(description="say what it would do, and do nothing; false does it")]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=2_000_000, description="minutes of market time at most")]


class OfDesk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question about the desk."""

    run: RunName = ""
    account: Account = ""


class OfOrders(OfDesk, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Orders, newest last."""

    instrument: Instrument = ""
    which: Literal["all", "open", "refused"] = "all"
    last: Annotated[int, msgspec.Meta(ge=1, le=200)] = 20


class OfOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One order, by its id, the start of one, or its client order id."""

    order: Annotated[str, msgspec.Meta(min_length=4, max_length=64)]
    run: RunName = ""


class OfMoment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An instrument at a time in ISO 8601, such as 2026-01-03T01:16, UTC unless it names another zone."""

    instrument: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    time: Annotated[str, msgspec.Meta(min_length=10, max_length=40)]
    run: RunName = ""


class OfTrades(OfDesk, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fills of a UTC day, without one of the last that traded; newest last."""

    day: date | None = None
    instrument: Instrument = ""
    last: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50


class OfReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The report of a run, whole or part by part."""

    run: RunName = ""
    by: Literal["whole", "strategy", "instrument", "day"] = "whole"


class QueryInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One statement of Athena's SQL that only reads the lake; SHOW TABLES and DESCRIBE say what there is."""

    sql: Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]
    run: RunName = ""
    rows: Annotated[int, msgspec.Meta(ge=1, le=1_000, description="the most rows")] = 200


class OfFiles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files of bars."""

    files: Annotated[list[Annotated[str, msgspec.Meta(max_length=300)]], msgspec.Meta(min_length=1, max_length=8)]


class NoInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No input."""


class OfStrategy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A strategy, its params, and bars to try it over."""

    strategy: StrategyName
    source: Source = ""
    params: Params = {}
    data: Files = []


class BacktestInput(OfStrategy, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A back-test."""

    minutes: Minutes = 20_000
    cash: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] | None = None
    fees_bps: Annotated[float, msgspec.Meta(ge=0, le=1_000)] | None = None
    slippage_bps: Annotated[float, msgspec.Meta(ge=0, le=1_000)] | None = None


class VerdictInput(OfStrategy, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verdict on the result of a strategy."""

    trials: Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="configurations that you tried")]
    timeframe: Annotated[str, msgspec.Meta(max_length=4, pattern=r"^([1-9][0-9]?[mhdw])?$")] = ""


class DocsQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words to look for in fanfold's pages."""

    words: Annotated[str, msgspec.Meta(min_length=2, max_length=200)]
    sections: Annotated[int, msgspec.Meta(ge=1, le=8)] = 4


class PaperRunInput(OfStrategy, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of a strategy on paper, in a state directory of its own."""

    minutes: Annotated[int, msgspec.Meta(ge=1, le=2_000)] = 120
    dry_run: DryRun = True


class HaltInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Less trading: REDUCE_ONLY lets orders only reduce positions, HALTED sends none. A person alone can resume."""

    state: Literal["REDUCE_ONLY", "HALTED"]
    reason: Reason
    account: Account = ""
    dry_run: DryRun = True


class ProposalInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change for a person to approve: keys of the desk file, or that an account trades again."""

    kind: Literal["desk", "resume"]
    why: Reason
    changes: Annotated[list[DeskChange], msgspec.Meta(max_length=CHANGES_MAX)] = []
    account: Account = ""
    rearm: bool = False
    hours: Annotated[int, msgspec.Meta(ge=1, le=168, description="until it expires")] = 24
    dry_run: DryRun = True
