"""Statuses of a leg in the log: neither signal nor risk ends what the other reported."""

from datetime import UTC, datetime

from fanfold.audit.trading_log import TradingLog
from fanfold.messages import LegCode, LegState, LegStatus

LEG = "main", "one", "BTC/USDT"


def status(second: int, code: LegCode, was: str = "") -> LegStatus:
    state = LegState(instance="one", instrument="BTC/USDT", code=code).after(was)
    at = datetime.fromtimestamp(second, UTC)
    return LegStatus(id=f"s{second}", cause="c", at=at, account="main", statuses=[state])


def code_at(log: TradingLog, second: int, *, of_signals: bool) -> LegCode | None:
    state = log.leg_at(LEG, second, of_signals=of_signals)
    return state.code if state else None


def test_neither_signal_nor_risk_ends_what_the_other_reported_of_a_leg() -> None:
    gap = status(2, LegCode.MISSING_BARS), status(3, LegCode.OK, "MISSING_BARS gap")
    log = TradingLog([status(1, LegCode.RULES_CHANGED), *gap, status(4, LegCode.OK, "RULES_CHANGED tick")], "1m")
    assert [code_at(log, second, of_signals=False) for second in range(5)] == [
        None, LegCode.RULES_CHANGED, LegCode.RULES_CHANGED, LegCode.RULES_CHANGED, LegCode.OK]  # fmt: skip
    assert [code_at(log, second, of_signals=True) for second in range(5)] == [
        None, None, LegCode.MISSING_BARS, LegCode.OK, LegCode.OK]  # fmt: skip
