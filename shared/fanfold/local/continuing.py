"""Continue a run: `fanfold run --continue` goes on only with the desk, data and strategies that the run began with."""

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
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

TOLD = 5


class Continued(NamedTuple):
    """The plan of what is left to trade, and what the run is asked for from now on."""

    plan: RunPlan
    request: RunRequest


def asked_for(options: RunOptions, plan: RunPlan) -> RunRequest:
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
        until=plan.until,
        begun=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def continued(state: Path, options: RunOptions) -> Continued:
    """Return the rest of the run in a directory. Raises BadInput, which names the difference, for another run."""
    request = state_directory.read_request(state)
    state_directory.check_format(state)
    if request.live:
        raise BadInput(f"the run in {state} asked {request.live} for bars, and time went on: start another with --live")
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
        None,
        until,
        minutes,
        through,
        options.cash or request.cash,
        options.columns or request.columns,
    )
    known = desk.load((state / state_directory.DESK).read_bytes(), state_directory.DESK)
    _refuse_others([*_differing("", _told(known), _told(plan.desk)), *_strategies(known, request)], request)
    _refuse_others([*_bars(state, plan)], request)
    return Continued(
        plan._replace(desk=known, recordings=_longer(state, plan)), msgspec.structs.replace(request, until=plan.until)
    )


def _span(options: RunOptions, request: RunRequest, through: int) -> tuple[int | None, int | None]:
    """The last close to trade and the minutes at most: as told now, else what the run did not get to."""
    if options.until is not None or options.minutes is not None or request.until <= through:
        return options.until, options.minutes
    return request.until, None if request.data else (request.until - through) // 60


def _refuse_others(differences: list[str], request: RunRequest) -> None:
    if not differences:
        return
    more = f", and {len(differences) - TOLD} more" if len(differences) > TOLD else ""
    changed = [name for name, digest in request.sha256.items() if _digest(name) != digest]
    because = f" (changed since: {', '.join(changed)})" if changed else ""
    raise BadInput(
        f"--continue goes on with what the run began with, and this differs{because}: "
        f"{'; '.join(differences[:TOLD])}{more}. Put it back, or leave --continue out: the run so far is kept"
    )


def _digest(name: str) -> str:
    try:
        return sha256(Path(name).read_bytes()).hexdigest()
    except OSError:
        return "it is not there any more"


def _sources(traded: Desk) -> list[Path]:
    """The files of the strategies that a desk trades, and of the neighbours that its own import."""
    bound = [
        contract.bind(strategy.strategy, strategy.params, len(strategy.instruments))
        for strategy in traded.strategies.values()
    ]
    return sorted({*(Path(strategy.step.__code__.co_filename) for strategy in bound), *folder.loaded()})


def _strategies(traded: Desk, request: RunRequest) -> Iterator[str]:
    for path in map(str, _sources(traded)):
        if path in request.sha256 and request.sha256[path] != _digest(path):
            yield f"the strategy in {path} is another one"


def _told(traded: Desk) -> dict[str, Any]:
    """A desk's tables; rules that a file's bars tell are left out, for they follow its bars."""
    tables: dict[str, Any] = msgspec.to_builtins(traded)
    for rules in tables["instruments"].values():
        if rules["source"].startswith("inferred"):
            rules.clear()
    return tables


def _differing(path: str, then: Any, now: Any) -> Iterator[str]:
    """Keys whose values differ."""
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
    """Yield what differs between the bars of the run's recordings and those that follow them now."""
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
    """Yield the first bar that is another one, or how many are missing."""
    common = min(len(then.records), len(now.records))
    if then.records[:common] != now.records[:common]:
        for old, new in zip(then.bars(), now.bars(), strict=False):
            if old != new:
                at = datetime.fromtimestamp(min(old.closes_at_s, new.closes_at_s), UTC)
                yield f"{then.instrument} at {at:%Y-%m-%d %H:%M} was {_prices(then, old)} and is {_prices(now, new)}"
                return
    # The seeded market is made only as long as it is wanted.
    if now.count < then.count and not seeded:
        yield f"{then.instrument} had {then.count} bars and has {now.count}"


def _prices(recording: Recording, bar: Bar) -> str:
    return "/".join(f"{recording.price(ticks):f}" for ticks in bar[1:5])


def _longer(state: Path, plan: RunPlan) -> list[Recording]:
    """Return the recordings that have more than the run's; the others are kept as they are."""
    venue = ReplayVenue(state / state_directory.RECORDINGS)
    return [
        recording for recording in plan.recordings if recording.closes_at_s(-1) > venue.span(recording.instrument)[1]
    ]
