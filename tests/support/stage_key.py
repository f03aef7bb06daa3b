"""The key of a stage in memory, which signs its closed days."""

import hmac


class Key256:
    """A key that signs, as a KMS key does, and was made before the desk."""

    def __init__(self, since: str = "2026-01-01") -> None:
        self._since = since

    def since(self) -> str:
        return self._since

    def sign(self, digest: bytes) -> bytes:
        return hmac.digest(b"the stage's key", digest, "sha256")

    def signed(self, digest: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(self.sign(digest), signature)
