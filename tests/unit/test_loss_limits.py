"""A price alone that breaks a loss limit acts within a bar: entries that rest are cancelled, exits go on."""

from decimal import Decimal

from fanfold.messages import TradingState
from support.core_desk import A, instance
from support.risk_world import World, built

D = Decimal
HOOK = {"hook": instance(allocation="1", timeframe="1d") | {"strategy": "external", "params": {}}}


def test_a_breach_is_noted_in_the_account_while_it_lasts_and_once_a_change() -> None:
    world = World(built(strategies=HOOK, daily_loss_max="0.05", drawdown_max="1"))
    world.minute(1)
    world.hear(1, {("hook", A): 1.0})
    world.finish()
    noted, keep = [], world.assessor._ledger.breach

    def note(account: str, breach: str) -> None:
        noted.append(breach)
        keep(account, breach)

    world.assessor._ledger.breach = note
    world.minute(2, a=99)
    assert noted == []
    world.minute(3, a=90)
    world.minute(4, a=89)
    (text,) = noted
    assert text.startswith("the day's loss 500.10 is over 500")
    state = world.ledger.trading_state("main")
    assert (state.trading_state, state.breach) == (TradingState.ACTIVE, text)
    world.minute(5, a=100)
    assert noted[1:] == [""]
    assert world.ledger.trading_state("main").breach == ""
