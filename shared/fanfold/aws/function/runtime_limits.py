"""Tighten limits without a deploy: SSM parameters over the limits of the desk file.

``<path>/<account>`` holds a JSON object of fields of fanfold.desk.Limits. A parameter may only be tighter than the desk
file: that is reviewed, a parameter is not. Every limit is a maximum, so tighter is smaller.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from fanfold.aws.client.call import AwsFault, Call, not_found
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.desk import Desk, Limits
from fanfold.errors import BadInput

KEPT = timedelta(minutes=1)


def tighten(limits: Limits, text: str) -> Limits:
    """Return the limits with those of a parameter. Raises BadInput, which names the field, for an invalid one."""
    try:
        wanted = msgspec.json.decode(text, type=dict[str, Decimal])
        known = msgspec.structs.asdict(limits)
        whole = {**known, **{name: str(value) for name, value in wanted.items()}}
        stricter = msgspec.convert(whole, Limits, strict=False)
    except msgspec.MsgspecError as wrong:
        raise BadInput(f"limits: {wrong}") from wrong
    for name in wanted:
        value = getattr(stricter, name)
        if not Decimal(value).is_finite() or not 0 <= value <= known[name]:
            raise BadInput(f"limits: `{name}` is {value}; it must be 0 to {known[name]}, what the desk file allows")
    return stricter


class RuntimeLimits:
    """The desk with the current limits; each account's parameter is read again after a minute."""

    def __init__(self, call: Call, path: str, desk: Desk, clock: Callable[[], datetime], watch: Telemetry) -> None:
        self._call = call
        self._path = path
        self._file = self._desk = desk
        self._clock = clock
        self._watch = watch
        self._read_at: datetime | None = None
        self._texts: dict[str, str] = {}
        self._refused: dict[str, BadInput] = {}

    def desk(self) -> Desk:
        """Return the desk, the same object as before unless a limit has changed.

        A parameter that is wrong, or can't be read, is reported, and the previous limits stay. Raises AwsFault where
        nothing has been read yet: without knowing whether an account was tightened, nothing is decided.
        """
        now = self._clock()
        if self._read_at is None or not timedelta(0) <= now - self._read_at < KEPT:
            for account in self._file.limits:
                self._renew(account)
            self._read_at = now
        return self._desk

    def check(self) -> None:
        """Raise BadInput as long as a parameter is refused; the failure rings an alarm."""
        self.desk()
        for wrong in self._refused.values():
            raise wrong

    def _renew(self, account: str) -> None:
        try:
            text = self._text(account)
        except AwsFault as fault:
            if self._read_at is None:
                raise
            self._watch.log.warning("limits can't be read; those before stay", account=account, reason=str(fault))
            return
        if text != self._texts.get(account, "{}"):
            self._texts[account] = text
            self._change(account, text)

    def _text(self, account: str) -> str:
        try:
            answer = self._call("ssm", "GetParameter", {"Name": f"{self._path}/{account}"})
        except AwsFault as fault:
            if not_found(fault):
                return "{}"
            raise
        return str(answer["Parameter"]["Value"])

    def _change(self, account: str, text: str) -> None:
        try:
            limits = tighten(self._file.limits[account], text)
        except BadInput as wrong:
            self._watch.counts.add("LimitsRefused")
            self._watch.log.fault("limits are refused; those before stay", wrong, account=account)
            self._refused[account] = wrong
            return
        self._refused.pop(account, None)
        self._desk = msgspec.structs.replace(self._desk, limits={**self._desk.limits, account: limits})
        self._watch.log.info("limits have changed", account=account, limits=msgspec.to_builtins(limits))
