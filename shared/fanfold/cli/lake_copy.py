"""The copy of a desk's lake that commands read; it fetches only what changed."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fanfold.aws.client.call import Call
from fanfold.aws.s3.audit_log import pages_of
from fanfold.cli.argument_types import Options
from fanfold.cli.whole_files import replacing
from fanfold.local.session import Session
from fanfold.stages.session import reach

CACHE = "lake-cache"
ETAGS = "etags.json"


@contextmanager
def of_desk(options: Options, stage: str, *, flush: bool) -> Iterator[Path]:
    """Yield the folder of a desk's lake as it is now."""
    with reach(options.state, stage, options.command) as session:
        yield of_session(session, flush=flush)


def of_session(session: Session, *, flush: bool, allow: Callable[[int], None] = lambda _bytes: None) -> Path:
    """Return the folder of a desk's lake; ``flush`` first brings what was just recorded into it.

    ``allow`` is called with the lake's size in bytes before any of it is read, and raises where that is too much.
    """
    if flush:
        session.invoke("audit", "flush", {})
    cache = session.state / CACHE
    fetch(session.call, session.bucket("lake"), cache, allow)
    return cache


def fetch(call: Call, bucket: str, cache: Path, allow: Callable[[int], None] = lambda _bytes: None) -> list[str]:
    """Make a directory the lake's copy, and return the keys that had to be fetched; see ``of_session``."""
    listed = [item for page in pages_of(call, {"Bucket": bucket}) for item in page.get("Contents", [])]
    allow(sum(int(item["Size"]) for item in listed))
    cache.mkdir(parents=True, exist_ok=True)
    known = _etags(cache)
    there = {item["Key"]: item["ETag"] for item in listed}
    for key in known.keys() - there.keys():
        (cache / key).unlink(missing_ok=True)
    fresh = [key for key, etag in there.items() if known.get(key) != etag or not (cache / key).exists()]
    for key in fresh:
        path = cache / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(call("s3", "GetObject", {"Bucket": bucket, "Key": key})["Body"])
    with replacing(cache / ETAGS) as file:
        file.write(json.dumps(there).encode())
    return fresh


def _etags(cache: Path) -> dict[str, str]:
    """Return the ETags of the files that are there; none where their list was not written whole, so all are fetched."""
    try:
        etags: dict[str, str] = json.loads((cache / ETAGS).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return etags
