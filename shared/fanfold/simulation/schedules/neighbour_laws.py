"""Laws of an account beside another one: a halt or a broken limit of the one never touches the other."""

from collections.abc import Iterator

from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.codes import Code
from fanfold.messages import OrdersRefused, OrderState, TradingState
from fanfold.simulation.schedules.outcome import Outcome

# Why an account's orders are refused under a state or a broken loss limit of its own.
OF_ITS_STATE = frozenset({Code.KILL_STATE, Code.DAILY_LOSS, Code.DRAWDOWN})


def what_befalls_an_account_does_not_befall_its_neighbour(outcome: Outcome) -> Iterator[str]:
    """An account that nobody halts, and whose limits are wide, trades on, whatever is done to the one beside it."""
    states = {state for _, state in outcome.witness.states}
    if states != {TradingState.ACTIVE}:
        yield f"{outcome.account} was {sorted(states)}, and nobody commanded it"
    for message in outcome.messages_of(OrdersRefused):
        codes = {refusal.code for refusal in message.refusals} & OF_ITS_STATE
        if message.account == outcome.account and codes:
            yield f"orders of {outcome.account} were refused as {sorted(codes)}"
    blocked = [name for name, record in outcome.records.items() if record.state is OrderState.BLOCKED]
    yield from (f"order {name} of {outcome.account} was blocked" for name in blocked)


def a_neighbour_is_decided_on_at_the_last_bar(outcome: Outcome) -> Iterator[str]:
    """An account is decided on at the last bar once faults are over, whatever is done to the one beside it."""
    poll = DynamoPolls(outcome.table).read(outcome.account)
    last = max(closes_at_s for _, closes_at_s in outcome.world.source.versions)  # type: ignore[attr-defined]
    if poll.at < last or not poll.decided:
        yield f"the newest poll of {outcome.account} is of {poll.at}, not {last}, or is not decided"
