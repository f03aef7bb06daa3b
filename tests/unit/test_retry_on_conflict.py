"""The bounds of trying again after a conflict: how often, how long, and after what."""

from collections.abc import Callable

import pytest

from fanfold.errors import AT_ONCE, PAUSE_S, PAUSE_S_MAX, Backoff, Conflict, retry_on_conflict

TRIES = 8


class Script:
    """An attempt that meets some conflicts first, and the pauses between its tries."""

    def __init__(self, *conflicts: Exception, chance: float = 0.5) -> None:
        self._conflicts = list(conflicts)
        self.attempts = 0
        self.pauses: list[float] = []
        self.backoff = Backoff(self.pauses.append, lambda: chance)

    def __call__(self) -> str:
        self.attempts += 1
        if self._conflicts:
            raise self._conflicts.pop(0)
        return "done"

    def run(self, tries: int = TRIES, passing: Callable[[Conflict], bool] = lambda _conflict: True) -> str:
        return retry_on_conflict(self, tries, "the book", self.backoff, passing)


@pytest.mark.parametrize("conflicts", range(TRIES))
def test_an_attempt_is_repeated_until_it_succeeds_with_a_pause_between_two_tries(conflicts):
    script = Script(*[Conflict("x")] * conflicts)
    assert script.run() == "done"
    assert (script.attempts, len(script.pauses)) == (conflicts + 1, conflicts)


def test_after_the_last_try_the_conflict_names_the_subject_and_nothing_waits():
    script = Script(*[Conflict("x")] * (TRIES + 1))
    with pytest.raises(Conflict, match=f"the book changed in {TRIES} tries") as raised:
        script.run()
    assert (script.attempts, len(script.pauses)) == (TRIES, TRIES - 1)
    assert isinstance(raised.value.__cause__, Conflict)


@pytest.mark.parametrize("chance", [0.0, 0.25, 0.5, 1.0])
def test_pauses_double_up_to_a_bound_and_chance_scales_them(chance):
    script = Script(*[Conflict("x")] * (TRIES - 1), chance=chance)
    script.run()
    assert script.pauses == [chance * min(PAUSE_S * 2**tried, PAUSE_S_MAX) for tried in range(1, TRIES)]
    assert max(script.pauses) == chance * PAUSE_S_MAX


def test_two_processes_with_other_luck_do_not_meet_again_at_the_same_moment():
    early, late = (Script(Conflict("x"), chance=chance) for chance in (0.1, 0.9))
    assert (early.run(), late.run()) == ("done", "done")
    assert early.pauses < late.pauses


def test_a_conflict_that_does_not_pass_is_raised_at_once_as_it_is():
    lasting = Conflict("a condition failed")
    script = Script(lasting)
    with pytest.raises(Conflict) as raised:
        script.run(passing=lambda conflict: conflict is not lasting)
    assert raised.value is lasting
    assert (script.attempts, script.pauses) == (1, [])


def test_any_other_fault_is_raised_at_once():
    script = Script(ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        script.run()
    assert (script.attempts, script.pauses) == (1, [])


def test_a_single_try_never_waits_and_none_is_an_error():
    script = Script(Conflict("x"))
    with pytest.raises(Conflict):
        script.run(tries=1)
    assert script.pauses == []
    with pytest.raises(ValueError, match="0 tries"):
        Script().run(tries=0)


def test_retrying_at_once_never_waits():
    AT_ONCE.wait(TRIES)
    assert AT_ONCE.chance() == 0.0
