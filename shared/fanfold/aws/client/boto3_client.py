"""The seam on boto3: any service and operation, any source of credentials."""

from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any

from boto3.session import Session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)
from botocore.exceptions import ConnectionError as NotConnected

from fanfold.aws.client.call import NO_ANSWER, TIMEOUT_S, AwsFault, Call, Endpoint, Reason
from fanfold.errors import BadInput

_NO_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError, ProfileNotFound, SSOError)


def boto3_call(endpoint: Endpoint) -> Call:
    """Return a call that tries once. Clients are made on first use; without credentials boto3 looks for its own."""
    try:
        session = _session(endpoint)
    except _NO_CREDENTIALS as error:
        raise _unknown(error) from error
    lock = Lock()

    @cache
    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint.url, config=_config(service))

    def call(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        with lock:  # A session is not safe to share between threads; its clients are.
            operate = getattr(client(service), xform_name(operation))
        try:
            response = operate(**parameters)
            return {key: _plain(value) for key, value in response.items() if key != "ResponseMetadata"}
        except ClientError as error:
            raise _fault(error.response) from error
        except (NotConnected, HTTPClientError) as error:
            raise AwsFault("NoAnswer", str(error), NO_ANSWER) from error
        except ParamValidationError as error:
            raise BadInput(f"{operation} of {service}: {error}") from error
        except _NO_CREDENTIALS as error:
            raise _unknown(error) from error

    return call


def _unknown(error: Exception) -> BadInput:
    return BadInput(f"AWS does not know who asks: {error}; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and the secret to it")


def _session(endpoint: Endpoint) -> Session:
    keys = endpoint.credentials
    if keys is None:
        return Session(region_name=endpoint.region)
    return Session(
        region_name=endpoint.region,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
    )


def _config(service: str) -> Config:
    # Both clients are made persistent by the seam, by one rule; so boto3 itself tries once.
    patience = {"lambda": 900.0, "sqs": 20.0 + TIMEOUT_S}.get(service, TIMEOUT_S)
    return Config(retries={"total_max_attempts": 1}, connect_timeout=TIMEOUT_S, read_timeout=patience)


def _plain(value: Any) -> Any:
    return value.read() if hasattr(value, "read") else value


def _fault(response: Mapping[str, Any]) -> AwsFault:
    error, status = response["Error"], response["ResponseMetadata"]["HTTPStatusCode"]
    code, message = error["Code"], error.get("Message", "")
    reasons = [
        Reason(reason.get("Code", "None"), reason.get("Message", ""), reason.get("Item", {}))
        for reason in response.get("CancellationReasons", [])
    ]
    if code == "ConditionalCheckFailedException":
        reasons = [Reason("ConditionalCheckFailed", message, response.get("Item", {}))]
    return AwsFault(code, message, status, tuple(reasons))
