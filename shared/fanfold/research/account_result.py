"""An account's compiled scan, run and turned into figures or a result."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np

from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.money import exact
from fanfold.performance.texts import moment
from fanfold.research.account_book import (
    UNTOLD_LOTS,
    WORTH,
    AccountField,
    BarField,
    Book,
    LegTerm,
    PollTable,
    Wanted,
    blank_book,
)
from fanfold.research.account_market import History, market_of, refuse_wide_figures, signals_of, times_of
from fanfold.research.account_rules import CODES
from fanfold.research.account_scan import cached_scan
from fanfold.research.account_tables import RefusedRows, TradedRows, account_figures, result_of
from fanfold.research.account_terms import FIGURE_MAX, AccountTerms, account_terms, refuse_resting, refuse_webhooks
from fanfold.research.figures import metrics_of
from fanfold.research.result import AccountMetrics, AccountResult
from fanfold.research.tape import OVERFLOW, fills_of, trips_of
from fanfold.risk import sizing
from fanfold.risk.exposure import Mark
from fanfold.risk.policy import DeskPolicy
from fanfold.risk.protection import MILLION


class AccountRun(NamedTuple):
    """An account that was traded, by instance why a step did not run compiled, and the least and the largest weight.

    A sweep asks for its metrics alone: tables take time and memory.
    """

    desk: Desk
    name: str
    terms: AccountTerms
    market: PollTable
    rows: TradedRows
    plain: dict[str, str]
    weight_min: float
    weight_max: float

    def metrics(self) -> AccountMetrics:
        """Measure the account."""
        return metrics_of(account_figures(self.terms, self.market, self.rows))

    def result(self) -> AccountResult:
        """Measure the account, and return its tables, too."""
        return result_of(self.desk, self.name, self.terms, self.market, self.rows)


def run_account(desk: Desk, name: str, policy: DeskPolicy, history: History, latency_s: int) -> AccountRun:
    """Trade an account over history, its orders ``latency_s`` on their way.

    Raises BadInput for what a compiled scan cannot do, with what can.
    """
    refuse_webhooks(desk, name)
    refuse_resting(desk, name)
    terms = account_terms(desk, name, policy.terms(name), history.recordings, latency_s)
    times = times_of(history)
    if not times.size:
        names = ", ".join(sorted({instrument for _, instrument in terms.keys}))
        raise BadInput(f"{names}: no bar closes from {moment(history.start)} to {moment(history.until)}")
    market = market_of(desk, desk.accounts[name].venue, history, terms, times)
    refuse_wide_figures(market, history, terms)
    signals = signals_of(desk, desk.accounts[name].venue, terms, history, times)
    book = traded_book(terms, market, signals.wanted)
    weights = signals.wanted.weight
    least, most = (float(extreme.reduce(weights, None, initial=0.0)) for extreme in (np.fmin, np.fmax))
    return AccountRun(desk, name, terms, market, _rows(market, book), signals.plain, least, most)


def _rows(market: PollTable, book: Book) -> TradedRows:
    refused = book.refused[: book.sums[AccountField.REFUSALS]]
    refusals = RefusedRows(market.time[refused[:, 0]], refused[:, 1], refused[:, 2] - 1, list(map(str, CODES)))
    return TradedRows(fills_of(book.tape), trips_of(book.tape), refusals, book.curve.T)


def traded_book(terms: AccountTerms, market: PollTable, wanted: Wanted) -> Book:
    """Run the scan; where it has to be told a quantity, go on with that."""
    guarded = bool((wanted.protection >= 0).any())
    # The price of a profit far beyond a position's cost has to fit, too.
    farthest = int(wanted.shares[:, 2].max()) // MILLION + 1 if guarded else 1
    money_max = min(terms.money_max, FIGURE_MAX / farthest)
    scan = cached_scan(one_leg=len(terms.keys) == 1)
    book, first, sizes = blank_book(market.time.size, terms.terms), 0, list[tuple[int, int, int]]()
    while True:
        targets = wanted._replace(sizes=np.array(sizes, np.int64).reshape(-1, 3))
        end = scan(market, terms.terms, targets, book, money_max, (first, bool(sizes)), guarded)
        if end.code == OVERFLOW:
            raise BadInput(
                f"at {int(market.time[end.at])} the account is worth more than 64 bits hold in units of "
                f"1e-{terms.scales.money}: give it less cash, coarser lots or ticks, a nearer take_profit, or take "
                "--fidelity full"
            )
        if end.code != UNTOLD_LOTS:
            return book
        sizes = [row for row in sizes if row[0] == end.at]
        sizes.append((end.at, end.leg, lots_of_target(terms, market, book, end.at, end.leg)))
        first = end.at


@exact
def lots_of_target(terms: AccountTerms, market: PollTable, book: Book, at: int, leg: int) -> int:
    """Return the size of a leg's target in lots, by the decimals of ``risk.sizing``."""
    instance, instrument = (int(place) for place in terms.terms.leg[leg, [LegTerm.INSTANCE, LegTerm.INSTRUMENT]])
    price = Decimal(int(market.bars[BarField.CLOSE, instrument, at])).scaleb(-terms.scales.prices[instrument])
    variance = float(market.variance[at, instrument]) if market.variance.size else 0.0
    worth = Decimal(int(book.instance[WORTH, instance])).scaleb(-terms.scales.money)
    mark = Mark(price=price, closes_at_s=int(market.time[at]), variance=variance)
    quantity = sizing.desired(abs(float(book.weight[leg])), terms.sized[leg], worth, mark)
    return int(quantity / terms.scales.lots[instrument])
