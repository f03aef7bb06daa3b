"""Commands of operators: of one alone, or of two who looked at the same moment and want different things."""

from random import Random

from fanfold.messages import TradingState
from fanfold.simulation.schedules.world import STATES, World

# How often a second one commands at the moment of the first.
SECOND = 0.1


def set_state(world: World, state: TradingState, chance: Random) -> None:
    """Set a trading state, and now and then another one at the same moment.

    ``chance`` is for the second operator alone, so that schedules without one are what they would be.
    """
    states = [state]
    if chance.random() < SECOND:
        states.append(chance.choice(STATES))
        world.reached["two operators command at one moment"] += 1
    for each in states:
        world.tell(f"the operator sets {each}")
        world.command({"action": "halt", "account": "main", "reason": "drill", "actor": "ann", "state": each})
