"""Signatures held against the vectors of RFC 8032, against another library, and against what no signer makes."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold.chat.discord import is_signed as verify

# The order of the base point (RFC 8032, section 5.1).
ORDER = 2**252 + 27742317777372353535851937790883648493
# RFC 8032, section 7.1: public key, message, signature.
VECTORS = {
    "TEST 1": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe2465"
            "5141438e7a100b"
        ),
    ),
    "TEST 2": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb0"
            "0d291612bb0c00"
        ),
    ),
    "TEST 3": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc0"
            "27beceea1ec40a"
        ),
    ),
}
# Encodings of the eight points whose order divides eight, and of one of them with y beyond the field's prime.
SMALL_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)
SEEDS = st.binary(min_size=32, max_size=32)


def key_of(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def agrees(key: bytes, message: bytes, signature: bytes) -> bool:
    """The answer of the other library."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_of_the_rfc_is_verified(name):
    key, message, signature = map(bytes.fromhex, VECTORS[name])
    assert verify(key, message, signature)
    assert not verify(key, message + b"x", signature)


@settings(max_examples=100, deadline=None)
@given(seed=SEEDS, message=st.binary(max_size=300), flipped=st.integers(0, 511))
def test_a_signature_of_another_library_is_verified_and_a_damaged_one_is_not(seed, message, flipped):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    signature, key = private.sign(message), key_of(private)
    assert verify(key, message, signature)
    damaged = (int.from_bytes(signature, "little") ^ 1 << flipped).to_bytes(64, "little")
    assert (verify(key, message, damaged), agrees(key, message, damaged)) == (False, False)


@settings(max_examples=100, deadline=None)
@given(seed=SEEDS, key=SEEDS)
def test_a_signature_under_any_other_key_is_refused(seed, key):
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(b"message")
    assert not verify(key, b"message", signature)


def test_a_scalar_beyond_the_order_makes_no_second_signature():
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    signature = private.sign(b"message")
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    assert not verify(key_of(private), b"message", signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_verifies_nothing(key):
    """Under such a key the neutral point and the scalar zero are a signature of one message in eight, or of all."""
    for commitment in SMALL_ORDER:
        signature = bytes.fromhex(commitment) + bytes(32)
        assert not any(verify(bytes.fromhex(key), bytes([number]), signature) for number in range(8))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_verifies_nothing(length):
    assert not verify(bytes(length), b"", bytes(64))


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_refused(length):
    key, message, signature = map(bytes.fromhex, VECTORS["TEST 2"])
    assert not verify(key, message, (signature + b"\0")[:length])
