"""Traces: the one module that knows X-Ray and its SDK, which it imports when a trace is first sampled.

The trace of a chain travels in a message attribute, ``trace``, in the form of X-Ray's header, beside the message and
not in it. A replacement of the SDK has to return what ``_segments`` returns: a context manager around a call.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache, wraps
from typing import Any, NamedTuple

from fanfold.aws.client.call import Call

ATTRIBUTE = "trace"
VARIABLE = "_X_AMZN_TRACE_ID"
Segments = Callable[["Trace", str, str], AbstractContextManager[Any]]
Warn = Callable[[str], object]


class Trace(NamedTuple):
    """A trace, its current segment, and whether it is recorded; an empty root is no trace."""

    root: str = ""
    parent: str = ""
    sampled: bool = False

    @classmethod
    def of(cls, header: str) -> "Trace":
        """Parse the trace in a header such as ``Root=1-5f-ab;Parent=cd;Sampled=1``; other fields are ignored."""
        if not header:
            return NO_TRACE
        parts = dict(part.strip().split("=", 1) for part in header.split(";") if "=" in part)
        return cls(parts.get("Root", ""), parts.get("Parent", ""), parts.get("Sampled") == "1")

    @property
    def header(self) -> str:
        parent = f"Parent={self.parent};" if self.parent else ""
        return f"Root={self.root};{parent}Sampled={int(self.sampled)}" if self.root else ""


NO_TRACE = Trace()


class Tracing:
    """The current trace of this process: the invocation's, or that of the message it handles."""

    def __init__(self, warn: Warn, segments: Callable[[], Segments] | None = None) -> None:
        self.trace = self._own = NO_TRACE
        self._warn = warn
        self._load = segments or _segments
        self._lacking = False

    def begin(self, header: str) -> None:
        """Start the trace of an invocation, from its environment."""
        self.trace = self._own = Trace.of(header) if header else NO_TRACE

    def restore(self, attributes: Mapping[str, Any]) -> None:
        """Continue the trace in a record's message attributes; without one, the invocation's."""
        header = attributes[ATTRIBUTE].get("stringValue", "") if ATTRIBUTE in attributes else ""
        if not header:
            self.trace = self._own
            return
        carried = Trace.of(header)
        # Where X-Ray itself carried the trace, this invocation's own segment is the nearer parent.
        self.trace = carried if carried.root and carried.root != self._own.root else self._own

    def attributes(self) -> dict[str, str]:
        """Return the attributes that carry the trace with a message."""
        return {ATTRIBUTE: self.trace.header} if self.trace.root else {}

    def traced(self, call: Call) -> Call:
        """Return the call, each time in a subsegment where the trace is sampled."""

        @wraps(call)
        def tracing(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
            if not self.trace.sampled or not self.trace.parent or self._lacking:
                return call(service, operation, parameters)
            segments = self._sdk()
            if segments is None:
                return call(service, operation, parameters)
            with segments(self.trace, service, operation):
                return call(service, operation, parameters)

        return tracing

    def _sdk(self) -> Segments | None:
        try:
            return self._load()
        except ImportError as missing:
            self._lacking = True
            self._warn(f"a trace is sampled, but not recorded, since this image lacks its library: {missing}")
            return None


@cache
def _segments() -> Segments:
    """Return subsegments by aws-xray-sdk, sent to the daemon of AWS_XRAY_DAEMON_ADDRESS as soon as they end.

    The segment above them is Lambda's. In Lambda this loads no botocore, which the SDK needs for sampling elsewhere.
    """
    from aws_xray_sdk.core.context import Context  # noqa: PLC0415
    from aws_xray_sdk.core.models.facade_segment import FacadeSegment  # noqa: PLC0415
    from aws_xray_sdk.core.recorder import AWSXRayRecorder  # noqa: PLC0415

    recorder = AWSXRayRecorder()
    recorder.configure(context=Context("IGNORE_ERROR"), streaming_threshold=0, max_trace_back=0)

    @contextmanager
    def segment(trace: Trace, service: str, operation: str) -> Iterator[None]:
        # The SDK's own context reads the environment, and knows nothing of a trace that a message carried.
        recorder.context.put_segment(FacadeSegment("facade", trace.parent, trace.root, sampled=True))
        with recorder.in_subsegment(service, namespace="aws") as opened:
            opened.set_aws({"operation": operation})
            yield

    return segment
