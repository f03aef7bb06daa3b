"""Chaos kills only the functions that it names, at times by its seed, and no more often than its limit."""

from fanfold.local.chaos import KILL_WITHIN_S, Chaos

TEXT = "seed=7,kill=0.5,kill_of=fanfold-execution-,kills=3"


def moments(text: str, function: str, kills: int = 0) -> list[float | None]:
    chaos = Chaos.of(text)
    return [chaos.killed_after_s(function, kills) for _ in range(200)]


def test_a_share_of_events_is_killed_at_moments_that_the_seed_says() -> None:
    drawn = moments(TEXT, "fanfold-execution-local-execute")
    assert drawn == moments(TEXT, "fanfold-execution-local-execute")
    assert drawn != moments(TEXT.replace("7", "8"), "fanfold-execution-local-execute")
    killed = [moment for moment in drawn if moment is not None]
    assert 60 < len(killed) < 140
    assert all(0 <= moment <= KILL_WITHIN_S for moment in killed)


def test_functions_not_named_live_and_all_do_after_the_last_kill() -> None:
    assert set(moments(TEXT, "fanfold-risk-local-assess")) == {None}
    assert set(moments(TEXT, "fanfold-execution-local-execute", kills=3)) == {None}
    assert set(moments("", "fanfold-execution-local-execute")) == {None}
