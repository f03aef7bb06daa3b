"""A JSON secret in Secrets Manager, or in a SecureString of Parameter Store, which is free; never logged.

It is kept for a minute, so that a rotation needs no deploy.

    secret = SecureParameter(call, "/fanfold/live/venue", clock)
    secret.values()["apiKey"]
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from fanfold.aws.client.call import AwsFault, Call
from fanfold.errors import BadInput

KEPT = timedelta(minutes=1)
_decode = msgspec.json.Decoder(dict[str, str]).decode


class Secret:
    """The values of one secret, by name."""

    def __init__(self, call: Call, secret: str, clock: Callable[[], datetime]) -> None:
        self._call = call
        self._secret = secret
        self._clock = clock
        self._read_at: datetime | None = None
        self._values: dict[str, str] = {}
        self.version = ""

    def __repr__(self) -> str:
        return f"Secret({self._secret})"

    def values(self) -> dict[str, str]:
        """Return the values. Raises BadInput for a secret that is no JSON object of strings."""
        now = self._clock()
        if self._read_at is None or not timedelta(0) <= now - self._read_at < KEPT:
            self._read(now)
        return self._values

    def forget(self) -> None:
        """Read the values anew when they are asked for next: they were refused, so they may have been rotated."""
        self._read_at = None

    def _read(self, now: datetime) -> None:
        text, version = self._ask()
        try:
            self._values = _decode(text)
        except msgspec.MsgspecError:
            # What was decoded stays unsaid, and so does why: either could hold the secret.
            raise BadInput(f"the secret {self._secret} is not a JSON object of strings") from None
        self._read_at, self.version = now, version

    def _ask(self) -> tuple[str, str]:
        """Read the secret's text, "" where it has none, and its version."""
        request = {"SecretId": self._secret, "VersionStage": "AWSCURRENT"}
        answer = self._call("secretsmanager", "GetSecretValue", request)
        return answer.get("SecretString", ""), answer["VersionId"]


class SecureParameter(Secret):
    """The values of a SecureString."""

    def values_if_set(self) -> dict[str, str]:
        """Return the values, none where nobody has set the parameter."""
        try:
            return self.values()
        except AwsFault as fault:
            if fault.code != "ParameterNotFound":
                raise
            return {}

    def _ask(self) -> tuple[str, str]:
        parameter = self._call("ssm", "GetParameter", {"Name": self._secret, "WithDecryption": True})["Parameter"]
        return parameter["Value"], str(parameter["Version"])
