"""Hashes of bars, and of desks."""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from hashlib import blake2s
from typing import Any

import msgspec

from fanfold import desk
from fanfold.desk import Desk, StrategyInstance
from fanfold.market.recording import Recording
from fanfold.strategy import contract
from fanfold.strategy.loading import attempted


def desk_hash(traded: Desk) -> str:
    """Return the hash of a desk with all params of its strategies: however they were written, it is the same."""
    return blake2s(desk.dump(_with_all_params(traded)), digest_size=16).hexdigest()


def desk_hashes(traded: Desk, name: str) -> Callable[[dict[str, Any]], str]:
    """Return a hash function of a desk by the params of one strategy, equal to desk_hash; the rest is written once."""
    traded = _with_all_params(traded)
    instance = traded.strategies[name]
    # No key of a desk is empty, so these stand where the params do, and nowhere else.
    blank: dict[str, Any] = {"": 0}
    strategies = traded.strategies | {name: msgspec.structs.replace(instance, params=blank)}
    written = desk.dump(msgspec.structs.replace(traded, strategies=strategies))
    before, after = written.split(msgspec.json.encode(blank))
    begun = blake2s(before, digest_size=16)

    def hashed(params: dict[str, Any]) -> str:
        whole = begun.copy()
        own = _all_params(msgspec.structs.replace(instance, params=params))
        whole.update(msgspec.json.encode(own, order="sorted") + after)
        return whole.hexdigest()

    return hashed


def _with_all_params(traded: Desk) -> Desk:
    strategies = {
        name: msgspec.structs.replace(instance, params=_all_params(instance))
        for name, instance in traded.strategies.items()
    }
    return msgspec.structs.replace(traded, strategies=strategies)


def _all_params(instance: StrategyInstance) -> dict[str, Any]:
    """Return the params of an instance and the defaults of the others; as they are where the strategy refuses them."""
    if instance.strategy == contract.EXTERNAL:
        return instance.params
    bound = attempted(partial(contract.bind, instance.strategy, instance.params, len(instance.instruments)))
    return instance.params if isinstance(bound, BaseException) else bound.params._asdict()


def data_hash(recordings: Iterable[Recording], start: int, until: int) -> str:
    """Return the hash of bars, and of the first and the last close that are traded of them."""
    first, *others = sorted(recordings, key=lambda entry: entry.instrument)
    bars = _begun(first).copy()
    for recording in others:
        _add(bars, recording)
    bars.update(f"{start} {until}".encode())
    return str(bars.hexdigest())


@lru_cache(maxsize=4)
def _begun(recording: Recording) -> Any:
    """Return a hash that begins with a recording; batches and windows ask for the same ones, which takes a while."""
    bars = blake2s(digest_size=16)
    _add(bars, recording)
    return bars


def _add(bars: Any, recording: Recording) -> None:
    bars.update(_head(recording).encode())
    bars.update(recording.records)


def _head(recording: Recording) -> str:
    scales = f"{recording.price_scale} {recording.volume_scale}"
    return f"{recording.instrument} {recording.timeframe} {scales} {recording.count}\n"
