"""Back-test a desk, or one strategy: fast in compiled scans, or through the production verbs."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec

from fanfold import __version__, desk
from fanfold.desk import Account, Desk
from fanfold.errors import BadInput
from fanfold.local import run_plan
from fanfold.local.run_plan import RunPlan
from fanfold.research.account_market import History
from fanfold.research.account_result import run_account
from fanfold.research.account_terms import refuse_webhooks
from fanfold.research.arguments import (
    Files,
    Moment,
    Number,
    fee_of,
    files_of,
    mapping_of,
    positive,
    seconds_of,
    slippage_of,
    whole,
)
from fanfold.research.data_hashes import data_hash, desk_hash
from fanfold.research.result import AccountResult, BacktestResult, Fidelity, Provenance
from fanfold.risk.policy import prepare
from fanfold.strategy import contract, folder

# Results by account, and by strategy instance why its step did not run compiled.
Outcome = tuple[dict[str, AccountResult], dict[str, str]]


class Frictions(NamedTuple):
    """Terms that a back-test changes; None leaves the desk's. ``latency_s`` is how long an order is on its way.

    ``ignore_loss_limits`` lets an account trade on beyond its daily loss and its drawdown.
    """

    fee_bps: Number | None = None
    slippage_bps: Number | None = None
    latency_s: int = 0
    ignore_loss_limits: bool = False


NO_FRICTIONS = Frictions()


def backtest(
    strategy: str | None = None,
    data: Files = (),
    *,
    desk: str | Path | None = None,
    params: Mapping[str, Any] | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    minutes: int | None = None,
    cash: Decimal | int | None = None,
    strategies: str | Path | None = None,
    frictions: Frictions = NO_FRICTIONS,
    fidelity: Fidelity = "fast",
) -> BacktestResult:
    """Back-test a strategy, or all of a desk, over data files; without them over the seeded market.

    As ``fanfold run`` on the same options: ``since`` and ``until`` are closes, in epoch seconds, as datetimes or as
    texts such as 2026-03-24T00:00, ``desk`` is a desk file, ``strategies`` a folder of your own. ``fidelity``
    "full" trades through the verbs of the services. Raises BadInput, which says what to do, for what cannot be
    traded.
    """
    if strategies is not None:
        folder.use(Path(strategies))
    planned = planned_of(strategy, data, desk, params, since, until, minutes, cash)
    return of_plan(planned, frictions, fidelity)


def planned_of(
    strategy: str | None,
    data: Files,
    desk: str | Path | None,
    params: Mapping[str, Any] | None,
    since: Moment | None,
    until: Moment | None,
    minutes: int | None,
    cash: Decimal | int | None,
) -> RunPlan:
    """Return the plan of a run over data files; without them over the seeded market."""
    return run_plan.plan(
        Path(desk) if desk is not None else run_plan.DESK_FILE,
        files_of(data),
        strategy,
        {name: str(value) for name, value in mapping_of("params", params, '{"fast": 10}').items()},
        seconds_of("since", since),
        seconds_of("until", until),
        None if minutes is None else whole("minutes", minutes, 1),
        cash=None if cash is None else positive("cash", cash),
    )


def of_plan(planned: RunPlan, frictions: Frictions = NO_FRICTIONS, fidelity: Fidelity = "fast") -> BacktestResult:
    """Back-test a plan: in compiled scans, an account after the other, or all of it through the services' verbs."""
    if fidelity not in get_args(Fidelity):
        raise BadInput(f"fidelity is {fidelity!r}; it must be one of {', '.join(get_args(Fidelity))}")
    traded = with_frictions(planned.desk, frictions)
    histories = {
        name: _history(traded, planned, name)
        for name in traded.accounts
        if any(instance.account == name for instance in traded.strategies.values())
    }
    if not histories:
        raise BadInput("no account of the desk has a strategy; name one in front: fanfold backtest sma_cross")
    run = _fast if fidelity == "fast" else _full
    accounts, plain = run(traded, planned, histories, frictions.latency_s)
    span = planned.start, planned.until
    provenance = provenance_of(traded, planned, frictions.latency_s)
    return BacktestResult(fidelity, span, accounts, provenance, plain, planned.notes)


def _history(traded: Desk, planned: RunPlan, account: str) -> History:
    symbols = traded.venues[traded.accounts[account].venue].symbols
    own = {entry.instrument: entry for entry in planned.recordings if entry.instrument in symbols}
    return History(own, planned.start, planned.until)


def _fast(traded: Desk, _planned: RunPlan, histories: Mapping[str, History], latency_s: int) -> Outcome:
    policy, accounts, plain = prepare(traded), dict[str, AccountResult](), dict[str, str]()
    for name, history in histories.items():
        run = run_account(traded, name, policy, history, latency_s)
        accounts[name] = run.result()
        plain |= run.plain
    return accounts, plain


def _full(traded: Desk, planned: RunPlan, histories: Mapping[str, History], latency_s: int) -> Outcome:
    # A fast back-test does not wait for what only this one needs.
    from fanfold.local.launcher import make_services_importable  # noqa: PLC0415
    from fanfold.research.full_account import account_of  # noqa: PLC0415
    from fanfold.simulation.full_run import full_run  # noqa: PLC0415

    if latency_s:
        raise BadInput("at full fidelity an order arrives at the close it was decided on: leave --latency out")
    for name in histories:
        refuse_webhooks(traded, name)
    make_services_importable()
    run, policy = full_run(traded, planned.recordings, planned.start, planned.until), prepare(traded)
    return {name: account_of(traded, name, policy.terms(name), own, run) for name, own in histories.items()}, {}


def with_frictions(traded: Desk, frictions: Frictions) -> Desk:
    """Return a desk whose accounts pay other costs, or know no limit of their losses."""
    if not isinstance(frictions, Frictions):
        raise BadInput(f"frictions is {frictions!r}; write Frictions(fee_bps=5), or leave it out")
    whole("latency_s", frictions.latency_s, 0)
    accounts = {name: _paying(account, frictions) for name, account in traded.accounts.items()}
    lost = {"daily_loss_max": Decimal(1), "drawdown_max": Decimal(1)} if frictions.ignore_loss_limits else {}
    limits = {name: msgspec.structs.replace(limit, **lost) for name, limit in traded.limits.items()}
    changed = msgspec.structs.replace(traded, accounts=accounts, limits=limits)
    wrong = list(desk.mistakes(changed))
    if wrong:
        raise desk.refusal("the desk with these costs", wrong)
    return changed


def _paying(account: Account, frictions: Frictions) -> Account:
    changes: dict[str, Any] = {}
    if frictions.fee_bps is not None:
        fee_bps = fee_of(frictions.fee_bps)
        changes |= {"taker_bps": fee_bps, "maker_bps": fee_bps}
    if frictions.slippage_bps is not None:
        changes["slippage_bps"] = slippage_of(frictions.slippage_bps, account.spread_bps / 2)
    return msgspec.structs.replace(account, **changes)


def provenance_of(traded: Desk, planned: RunPlan, latency_s: int) -> Provenance:
    """Return the hashes of data, code and desk, and how long orders were on their way."""
    code = {name: contract.code_of(instance.strategy) for name, instance in traded.strategies.items()}
    data = data_hash(planned.recordings, planned.start, planned.until)
    return Provenance(data=data, code=code, desk=desk_hash(traded), version=__version__, latency_s=latency_s)
