"""AWS Signature Version 4, with the whole body in the signature."""

import hashlib
import hmac
import time
from functools import lru_cache
from typing import NamedTuple

from fanfold.aws.client.call import Credentials
from fanfold.aws.client.http import HttpRequest, percent_encode


class Place(NamedTuple):
    """The scope of a signature: a region by its AWS name, and a service."""

    region: str
    service: str


def sign(request: HttpRequest, host: str, place: Place, credentials: Credentials, at: float) -> dict[str, str]:
    """Return the request's headers with those that sign it, at epoch seconds ``at``."""
    region, service = place
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    digest = hashlib.sha256(request.body).hexdigest()
    headers = request.headers | {"host": host, "x-amz-date": stamp}
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    if service == "s3":
        headers["x-amz-content-sha256"] = digest
    names = ";".join(sorted(headers))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    canonical = _canonical(request, service, headers, names, digest)
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _key(credentials.secret_key, stamp[:8], region, service)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


def _canonical(request: HttpRequest, service: str, headers: dict[str, str], names: str, digest: str) -> str:
    # All services but S3 encode the path twice.
    path = request.path if service == "s3" else percent_encode(request.path, "/")
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
    return f"{request.method}\n{path}\n{request.query}\n{lines}\n{names}\n{digest}"


@lru_cache(maxsize=32)
def _key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
