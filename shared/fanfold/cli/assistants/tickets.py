"""Tickets: changes that an assistant proposes and the server signs; a person approves them, or they expire."""

import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from fanfold import ids
from fanfold.cli.whole_files import replacing
from fanfold.errors import BadInput, NothingThere

FOLDER, KEY = "tickets", "ticket.key"
KEY_BYTES = 32
SHORT_ID = 8


class DeskChange(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the desk file, such as ``limits.main.gross_max``, and its new value; null takes the key away."""

    key: str
    value: str | int | float | bool | list[str] | None


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal. ``stage`` is empty for the local desk.

    A change of the desk file names the file, the SHA-256 of the text that it is made to, and the one that comes of it;
    ``difference`` are its lines, and ``widened`` what may allow more. A resume names an account.
    """

    id: str
    kind: Literal["desk", "resume"]
    why: str
    stage: str
    made_at: datetime
    expires_at: datetime
    by: str
    account: str = ""
    rearm: bool = False
    desk_file: str = ""
    desk_sha256: str = ""
    result_sha256: str = ""
    changes: list[DeskChange] = []
    difference: list[str] = []
    widened: list[str] = []
    signature: str = ""


class TicketApproval(msgspec.Struct, frozen=True, kw_only=True):
    """The person who approved a ticket; ``confirmation`` is what a second one has to come back with."""

    by: str
    at: datetime
    confirmation: str = ""


class TicketBox:
    """The tickets in a folder, and the key that they are signed with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._key_file = folder / KEY

    @property
    def paths(self) -> tuple[Path, Path]:
        """Return what an assistant must not read."""
        return self._folder, self._key_file

    def sign(self, ticket: Ticket) -> Ticket:
        """Return the ticket with its id, which is a function of what it says, and its signature."""
        named = msgspec.structs.replace(ticket, id=ids.derive("ticket", _said(ticket)), signature="")
        return msgspec.structs.replace(named, signature=self._signature(named))

    def keep(self, ticket: Ticket) -> None:
        """Keep a ticket; keeping it again changes nothing."""
        self._folder.mkdir(parents=True, exist_ok=True)
        _write(self._folder / f"{ticket.id}.json", ticket)

    def all(self) -> list[Ticket]:
        """Return every ticket, the oldest first. Raises BadInput for a file that is none."""
        paths = (path for path in self._folder.glob("*.json") if not path.name.endswith(".approved.json"))
        return sorted((_read(path, Ticket) for path in paths), key=lambda ticket: (ticket.made_at, ticket.id))

    def find(self, named: str) -> Ticket:
        """Return the ticket of an id, or of the start of one. Raises BadInput where it was changed since."""
        known = [ticket for ticket in self.all() if named and ticket.id.startswith(named.lower())]
        if not known:
            raise NothingThere(f"there is no ticket {named!r}; `fanfold tickets` lists them")
        if len(known) > 1:
            raise BadInput(f"{named!r} begins {len(known)} ticket ids: {', '.join(ticket.id for ticket in known[:4])}")
        if not self.is_genuine(known[0]):
            raise BadInput(f"ticket {known[0].id[:SHORT_ID]} was changed after it was signed: it cannot be approved")
        return known[0]

    def is_genuine(self, ticket: Ticket) -> bool:
        """Return whether a ticket is as it was signed."""
        return hmac.compare_digest(self._signature(ticket), ticket.signature)

    def approval(self, ticket: Ticket) -> TicketApproval | None:
        """Return who approved a ticket."""
        path = self._folder / f"{ticket.id}.approved.json"
        return _read(path, TicketApproval) if path.exists() else None

    def approve(self, ticket: Ticket, approval: TicketApproval) -> None:
        """Keep that a ticket was approved."""
        _write(self._folder / f"{ticket.id}.approved.json", approval)

    def states(self, now: datetime) -> Iterator[tuple[Ticket, str]]:
        """Yield every ticket and what it is: open, half approved, approved, expired or changed."""
        for ticket in self.all():
            yield ticket, self.state(ticket, now)

    def state(self, ticket: Ticket, now: datetime) -> str:
        """Return what a ticket is."""
        approval = self.approval(ticket)
        if not self.is_genuine(ticket):
            return "changed after it was signed"
        if approval is not None:
            return "waits for a second person" if approval.confirmation else "approved"
        return "expired" if now >= ticket.expires_at else "open"

    def _signature(self, ticket: Ticket) -> str:
        return hmac.new(self._key(), _said(ticket).encode(), "sha256").hexdigest()

    def _key(self) -> bytes:
        """Return the key, made at its first use and readable by this user alone."""
        if not self._key_file.exists():
            self._make_key()
        key = self._key_file.read_bytes()
        if len(key) != KEY_BYTES:
            raise BadInput(f"{self._key_file} is damaged; remove it, and tickets are signed anew")
        return key

    def _make_key(self) -> None:
        # Written whole beside, then linked: of two servers that begin at once one makes the key, and both sign with it.
        fresh = self._key_file.with_name(f".{KEY}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        with suppress(FileExistsError):
            self._key_file.hardlink_to(fresh)
        fresh.unlink()


def _said(ticket: Ticket) -> str:
    """Return all that a ticket says, without its id and signature, as canonical JSON."""
    fields: dict[str, Any] = msgspec.to_builtins(ticket)
    return msgspec.json.encode(fields | {"id": "", "signature": ""}, order="sorted").decode()


def _write(path: Path, record: msgspec.Struct) -> None:
    with replacing(path) as file:
        file.write(msgspec.json.format(msgspec.json.encode(record), indent=2))


def _read(path: Path, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise BadInput(f"{path} is no ticket of fanfold ({wrong}); remove it") from wrong
