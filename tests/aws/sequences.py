"""Random sequences of calls to the AWS in memory and to an emulator: as many as CONFORM_SEQUENCES says."""

import os
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from fanfold.aws.client.call import Call

# In the tests of every day; `make conform` runs more.
SEQUENCES = 15
CALLS = 30


class Emulation(NamedTuple):
    """An AWS to hold the one in memory against: moto, or ministack, which `make run` uses."""

    name: str
    call: Call


def run_sequences(machine: type[RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("CONFORM_SEQUENCES", SEQUENCES)),
            stateful_step_count=CALLS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            report_multiple_bugs=False,
        ),
    )
