"""The seam on the standard library: the few operations a desk uses, with a fraction of boto3's start and CPU time.

It speaks to DynamoDB, KMS, SQS, SNS, S3, Lambda, Secrets Manager, SSM, Step Functions and CloudWatch, on one
kept connection a host and thread.
"""

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

from fanfold.aws.client.call import NO_ANSWER, TIMEOUT_S, AwsFault, Call, Credentials, Endpoint
from fanfold.aws.client.http import HttpRequest, HttpResponse, Protocol
from fanfold.aws.client.sigv4 import Place, sign
from fanfold.errors import BadInput

PROTOCOLS = {
    "dynamodb": "fanfold.aws.client.protocol_json",
    "kms": "fanfold.aws.client.protocol_json",
    "sqs": "fanfold.aws.client.protocol_json",
    "secretsmanager": "fanfold.aws.client.protocol_json",
    "ssm": "fanfold.aws.client.protocol_json",
    "stepfunctions": "fanfold.aws.client.protocol_json",
    "cloudwatch": "fanfold.aws.client.protocol_json",
    "sns": "fanfold.aws.client.protocol_query",
    "s3": "fanfold.aws.client.protocol_s3",
    "lambda": "fanfold.aws.client.protocol_lambda",
}
# Services that have another name in hosts and signatures.
IN_HOSTS = {"stepfunctions": "states", "cloudwatch": "monitoring"}
# How long an answer may be in coming, in seconds, where it is not TIMEOUT_S: a long poll, a function's run.
PATIENCE_S = {"ReceiveMessage": 20.0 + TIMEOUT_S, "Invoke": 900.0}


class Connections(threading.local):
    """This thread's open connections, by scheme and host."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], HTTPConnection] = {}

    def to(self, scheme: str, host: str) -> HTTPConnection:
        if (scheme, host) not in self.kept:
            self.kept[scheme, host] = _connection(scheme, host)
        return self.kept[scheme, host]


def light_call(endpoint: Endpoint, clock: Callable[[], float] = time.time) -> Call:
    """Return a call that tries once, signed with the endpoint's credentials. Raises BadInput if it has none.

    Keys from the environment are not renewed, those of a container's task are.
    """
    keys = _keys(endpoint, clock)
    connections = Connections()

    def call(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        protocol = _protocol(service)
        scheme, host, request = resolve_host(endpoint, service, protocol.request(f"{service}.{operation}", parameters))
        headers = sign(request, host, Place(endpoint.region, IN_HOSTS.get(service, service)), keys(), clock())
        connection = connections.to(scheme, host)
        if operation == "Invoke":
            connection.close()  # On a new connection nothing is ever sent twice, and no function run twice.
        answer = _exchange(connection, request, headers, PATIENCE_S.get(operation, TIMEOUT_S))
        if answer.status >= 300:
            raise protocol.fault(answer)
        if not endpoint.url:  # What was edited on an emulator's disk is for audit to find, not for its transport.
            protocol.check(operation, answer)
        return protocol.response(operation, answer)

    return call


def _keys(endpoint: Endpoint, clock: Callable[[], float]) -> Callable[[], Credentials]:
    credentials = endpoint.credentials
    if credentials is not None:
        return lambda: credentials
    if endpoint.key_server is None:
        raise BadInput("there are no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    # Lambda puts keys into the environment, so no function reads it.
    from fanfold.aws.client.container_credentials import TaskKeys  # noqa: PLC0415

    return TaskKeys(endpoint.key_server, clock)


@cache
def _protocol(service: str) -> Protocol:
    if service not in PROTOCOLS:
        raise BadInput(f"the light client does not speak to {service}, only to {', '.join(PROTOCOLS)}; take boto3")
    # By name, so that a process reads only the protocols it speaks.
    protocol: Protocol = import_module(PROTOCOLS[service]).PROTOCOL
    return protocol


def resolve_host(endpoint: Endpoint, service: str, request: HttpRequest) -> tuple[str, str, HttpRequest]:
    """Return scheme, host and request: a bucket goes into the host of S3, but into the path of an emulator."""
    url = urlsplit(endpoint.url or f"https://{IN_HOSTS.get(service, service)}.{endpoint.region}.amazonaws.com")
    bucket = request.bucket
    if not bucket:
        return url.scheme, url.netloc, request
    # A certificate for *.s3 does not cover a name with dots.
    if endpoint.url or "." in bucket:
        return url.scheme, url.netloc, request._replace(path=f"/{bucket}{request.path}")
    return url.scheme, f"{bucket}.{url.netloc}", request


def _connection(scheme: str, host: str) -> HTTPConnection:
    # http.client itself turns Nagle's algorithm off.
    if scheme == "https":
        return HTTPSConnection(host, timeout=TIMEOUT_S, context=ssl_context())
    return HTTPConnection(host, timeout=TIMEOUT_S)


@cache
def ssl_context() -> ssl.SSLContext:
    """Return the system's certificates; reading them is slow, so once for each process, and only where TLS is used."""
    return ssl.create_default_context()


def _exchange(
    connection: HTTPConnection, request: HttpRequest, headers: dict[str, str], patience: float
) -> HttpResponse:
    kept = connection.sock is not None
    try:
        try:
            return _try(connection, request, headers, patience)
        except ConnectionError:
            # A kept connection may have been closed at the other end while nothing was sent, or Lambda was frozen.
            if not kept:
                raise
            connection.close()
            return _try(connection, request, headers, patience)
    except (OSError, HTTPException) as error:
        connection.close()
        raise AwsFault("NoAnswer", f"{connection.host}: {error!r}", NO_ANSWER) from error


def _try(connection: HTTPConnection, request: HttpRequest, headers: dict[str, str], patience: float) -> HttpResponse:
    if connection.sock is None:
        connection.connect()
    connection.sock.settimeout(patience)
    target = f"{request.path}?{request.query}" if request.query else request.path
    connection.request(request.method, target, request.body or None, headers)
    response = connection.getresponse()
    return HttpResponse(response.status, cast(Mapping[str, str], response.headers), response.read())
