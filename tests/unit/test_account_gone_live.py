"""An account that has traded on paper and is then live: what it holds on paper is not taken for the exchange's."""

from support.execution_world import World, minute, order
from support.real_world import RealWorld


def gone_live(*, closed: bool) -> RealWorld:
    """An account that bought on paper, and sold again where that is ``closed``, in the books of a live one."""
    world, paper = RealWorld(), World()
    paper.ledger = world.ledger
    for name, side in (("bought", "buy"), ("sold", "sell"))[: 1 + closed]:
        paper.place(world.approve(order(name, side=side)))
    paper.match(minute(1))
    return world


def test_its_instruments_are_frozen_until_an_operator_accepts_the_balances() -> None:
    world = gone_live(closed=False)
    world.sweep()
    why = "the books hold BTC/USDT from trading on paper; give the live account another name"
    assert world.ledger.real_money("main").frozen == {("BTC/USDT", "balance BTC"): why}
    assert world.events.count("a balance differs from the books") == 1
    world.wait(60)
    world.sweep()
    assert world.events.count("a balance differs from the books") == 1
    assert "BTC" not in world.ledger.real_money("main").baseline
    world.account().accept()
    world.wait(60)
    world.sweep()
    real = world.ledger.real_money("main")
    assert (real.frozen, "BTC" in real.baseline) == ({}, True)


def test_what_was_closed_on_paper_freezes_nothing() -> None:
    world = gone_live(closed=True)
    world.sweep()
    assert world.ledger.real_money("main").frozen == {}
