"""Secrets on the emulators: a rotation is honoured without a deploy, and nothing of a secret is ever written."""

from datetime import UTC, datetime, timedelta

import pytest

from fanfold.aws.client.call import AwsFault, RecordedCall, not_found, with_recording
from fanfold.aws.function.secrets import KEPT, Secret, SecureParameter
from fanfold.errors import BadInput
from support.emulator import Cloud, Pair, load_in_moto

NAME = "fanfold/test/venue"
PARAMETER = "/fanfold/test/venue"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    load_in_moto("ssm")


class Vault:
    """A secret with one key, its calls counted, and a clock that is set by hand."""

    def __init__(self, cloud: Cloud, kind: type[Secret], text: str = '{"apiKey": "old"}') -> None:
        self.now, self.seen, self._admin, self._kind = NOW, list[RecordedCall](), cloud.admin, kind
        self.name = PARAMETER if kind is SecureParameter else NAME
        self._put(text)
        self.secret = kind(with_recording(cloud.call, self.seen.append), self.name, lambda: self.now)

    def rotate(self) -> None:
        self._put('{"apiKey": "new"}', again=True)

    def _put(self, text: str, *, again: bool = False) -> None:
        if self._kind is SecureParameter:
            parameters = {"Name": self.name, "Value": text, "Type": "SecureString", "Overwrite": again}
            self._admin("ssm", "PutParameter", parameters)
        elif again:
            self._admin("secretsmanager", "PutSecretValue", {"SecretId": self.name, "SecretString": text})
        else:
            self._admin("secretsmanager", "CreateSecret", {"Name": self.name, "SecretString": text})


@pytest.fixture(params=[Secret, SecureParameter])
def kind(request: pytest.FixtureRequest) -> type[Secret]:
    """The kind of store that holds the secret."""
    secret_kind: type[Secret] = request.param
    return secret_kind


@pytest.fixture
def vault(cloud: Cloud, kind: type[Secret]) -> Vault:
    return Vault(cloud, kind)


def test_a_secret_is_read_once_while_it_is_young_and_its_rotation_seen_after(vault: Vault) -> None:
    assert vault.secret.values() == {"apiKey": "old"}
    vault.rotate()
    vault.now += KEPT - timedelta(seconds=1)
    assert vault.secret.values() == {"apiKey": "old"}
    assert len(vault.seen) == 1
    vault.now += timedelta(seconds=1)
    assert vault.secret.values() == {"apiKey": "new"}


def test_a_secret_that_was_refused_is_read_anew_however_young_it_is(vault: Vault) -> None:
    vault.secret.values()
    old = vault.secret.version
    vault.rotate()
    vault.secret.forget()
    assert vault.secret.values() == {"apiKey": "new"}
    assert vault.secret.version != old


@pytest.mark.parametrize("text", ["hush-hush", '["hush-hush"]', '{"apiKey": 1}'])
def test_a_secret_of_another_shape_is_refused_and_not_shown(cloud: Cloud, kind: type[Secret], text: str) -> None:
    vault = Vault(cloud, kind, text)
    with pytest.raises(BadInput, match=NAME) as refused:
        vault.secret.values()
    assert "hush-hush" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_secret_shows_nothing_of_itself(vault: Vault) -> None:
    vault.secret.values()
    assert repr(vault.secret) == f"Secret({vault.name})"


def test_both_clients_read_the_same_secret_and_the_same_lack_of_one(pair: Pair) -> None:
    made = {"Name": NAME, "SecretString": '{"apiKey": "old"}'}
    pair.boto3("secretsmanager", "CreateSecret", made)
    pair.boto3("secretsmanager", "CreateSecret", {"Name": "blob", "SecretBinary": b"\x00\xff"})
    for name in (NAME, "blob"):
        parameters = {"SecretId": name}
        light, theirs = (call("secretsmanager", "GetSecretValue", parameters) for call in (pair.light, pair.boto3))
        assert light == theirs
    for call in (pair.light, pair.boto3):
        with pytest.raises(AwsFault) as fault:
            call("secretsmanager", "GetSecretValue", {"SecretId": "none"})
        assert not_found(fault.value)
