"""Continue a run (`fanfold run --continue`) with the desk, data and strategies that it began with."""

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fanfold import desk
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.importers import symbols
from fanfold.local import run_plan, state_directory
from fanfold.local.run_plan import RunOptions, RunPlan
from fanfold.local.state_directory import RunRequest
from fanfold.market.bars import Bar
from fanfold.market.recording import Recording
from fanfold.strategy import contract, folder
from fanfold.venues.replay import ReplayVenue

DIFFERENCES_MAX = 5


class Continued(NamedTuple):
    """The plan of the rest of a run, and the request of the whole run, to be stored in place of the earlier one."""

    plan: RunPlan
    request: RunRequest


def request_of(options: RunOptions, plan: RunPlan) -> RunRequest:
    """Return the request of a new run, with the digests of the files that it reads."""
    paths = [symbols.locate(file) for file in options.data]
    files = [options.desk_file.resolve(), *(path.resolve() for path, _ in paths), *_sources(plan.desk)]
    return RunRequest(
        desk=str(options.desk_file.resolve()),
        data=[f"{path.resolve()}={symbol}" if symbol else str(path.resolve()) for path, symbol in paths],
        columns=dict(options.columns),
        sha256={str(path): _digest(str(path)) for path in files},
        strategies=str(folder.in_use() or ""),
        strategy=options.strategy,
        params=run_plan.params(options.param),
        cash=options.cash,
        since=options.since,
        until=plan.until,
        begun=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def continued(state: Path, options: RunOptions) -> Continued:
    """Return the rest of the run in a directory.

    Raises BadInput, which names the differences, where desk, data or strategies are not those of the run.
    """
    request = state_directory.read_request(state)
    state_directory.check_format(state)
    if request.live:
        raise BadInput(
            f"the run in {state} cannot be continued: time moved on at its exchange, {request.live}; start a new one"
        )
    if options.since is not None:
        raise BadInput("--from is for a run that starts; --continue goes on where the run in the directory got to")
    if options.data and not request.data:
        _refuse_others([f"the data was the seeded market and is {_text(options.data)}"], request)
    own = str(options.strategies.resolve()) if options.strategies else request.strategies
    if own != request.strategies:
        _refuse_others(
            [f"the strategies were in {request.strategies or 'the package alone'} and are in {own}"], request
        )
    state_directory.use_strategies(state, own)
    through = state_directory.traded_through(state)
    until, minutes = _span(options, request, through)
    plan = run_plan.plan(
        options.desk or Path(request.desk),
        options.data or request.data,
        options.strategy or request.strategy,
        request.params | run_plan.params(options.param),
        # What the run left out of its files is left out again.
        request.since,
        until,
        minutes,
        through,
        options.cash or request.cash,
        options.columns or request.columns,
    )
    known = desk.load((state / state_directory.DESK).read_bytes(), state_directory.DESK)
    _refuse_others([*_differing("", _comparable(known), _comparable(plan.desk)), *_strategies(known, request)], request)
    _refuse_others([*_bars(state, plan)], request)
    return Continued(
        plan._replace(desk=known, recordings=_longer(state, plan)), msgspec.structs.replace(request, until=plan.until)
    )


def _span(options: RunOptions, request: RunRequest, through: int) -> tuple[int | None, int | None]:
    """Return the last close to trade and the most minutes: of the options, else of what the run has left."""
    if options.until is not None or options.minutes is not None or request.until <= through:
        return options.until, options.minutes
    return request.until, None if request.data else (request.until - through) // 60


def _refuse_others(differences: list[str], request: RunRequest) -> None:
    if not differences:
        return
    more = f", and {len(differences) - DIFFERENCES_MAX} more" if len(differences) > DIFFERENCES_MAX else ""
    changed = [name for name, digest in request.sha256.items() if _digest(name) != digest]
    because = f" (changed since: {', '.join(changed)})" if changed else ""
    first = "; ".join(differences[:DIFFERENCES_MAX])
    raise BadInput(
        f"--continue goes on with what the run began with, and this differs{because}: {first}{more}. "
        "Put it back, or leave --continue out: the run so far is kept"
    )


def _digest(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return "it is not there any more"


def _sources(traded: Desk) -> list[Path]:
    """Return the files of the strategies that a desk trades, and of the modules beside them that they import."""
    bound = [
        contract.bind(strategy.strategy, strategy.params, len(strategy.instruments))
        for strategy in traded.strategies.values()
    ]
    return sorted({*(Path(strategy.step.__code__.co_filename) for strategy in bound), *folder.loaded()})


def _strategies(traded: Desk, request: RunRequest) -> Iterator[str]:
    for path in map(str, _sources(traded)):
        if path in request.sha256 and request.sha256[path] != _digest(path):
            yield f"the strategy in {path} is another one"


def _comparable(traded: Desk) -> dict[str, Any]:
    """Return a desk's tables without instrument rules that were inferred: they change as bars are added to a file."""
    tables: dict[str, Any] = msgspec.to_builtins(traded)
    for rules in tables["instruments"].values():
        if rules["source"].startswith("inferred"):
            rules.clear()
    return tables


def _differing(path: str, then: Any, now: Any) -> Iterator[str]:
    """Yield a line for each key whose values differ."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted(then.keys() | now.keys()):
            yield from _differing(f"{path}.{key}".lstrip("."), then.get(key), now.get(key))
    elif str(then) != str(now):
        yield f"{path} was {_text(then)} and is {_text(now)}"


def _text(value: Any) -> str:
    match value:
        case None:
            return "not there"
        case dict():
            return "there"
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _bars(state: Path, plan: RunPlan) -> Iterator[str]:
    """Yield a line for each instrument whose recorded bars are not the first bars of its data now."""
    venue = ReplayVenue(state / state_directory.RECORDINGS)
    for now in plan.recordings:
        then = venue.recording(now.instrument)
        if (then.price_scale, then.volume_scale) != (now.price_scale, now.volume_scale):
            yield (
                f"{now.instrument} had {then.price_scale} decimals in prices and {then.volume_scale} in volumes, "
                f"and has {now.price_scale} and {now.volume_scale}"
            )
            continue
        yield from _first(then, now, seeded=not plan.files)


def _first(then: Recording, now: Recording, *, seeded: bool) -> Iterator[str]:
    """Yield the first bar that differs, or how many are missing now."""
    common = min(len(then.records), len(now.records))
    if then.records[:common] != now.records[:common]:
        for old, new in zip(then.bars(), now.bars(), strict=False):
            if old != new:
                at = datetime.fromtimestamp(min(old.closes_at_s, new.closes_at_s), UTC)
                yield f"{then.instrument} at {at:%Y-%m-%d %H:%M} was {_prices(then, old)} and is {_prices(now, new)}"
                return
    # The seeded market is made only as long as the run asks for.
    if now.count < then.count and not seeded:
        yield f"{then.instrument} had {then.count} bars and has {now.count}"


def _prices(recording: Recording, bar: Bar) -> str:
    return "/".join(f"{recording.price(ticks):f}" for ticks in bar[1:5])


def _longer(state: Path, plan: RunPlan) -> list[Recording]:
    """Return the recordings that have bars after the run's own, which are the only ones to store anew."""
    venue = ReplayVenue(state / state_directory.RECORDINGS)
    return [
        recording for recording in plan.recordings if recording.closes_at_s(-1) > venue.span(recording.instrument)[1]
    ]
