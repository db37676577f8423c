"""Models of moderation: removing messages, muting, banning, lifting, and revoking tokens."""

import hashlib
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from opsroom_contracts.audit import Address, Requester
from opsroom_contracts.chat.files import FileIds
from opsroom_contracts.chat.models import RawName, User
from opsroom_contracts.identity import Identity
from opsroom_contracts.serialization.model import (
    Identifier,
    Model,
    RoomName,
    Sequence,
    Timestamp,
    copy_fields,
)
from opsroom_contracts.serialization.versions import PreviousVersion, StoredContract
from opsroom_contracts.text import clean_reason, stored_form

RESTRICTIONS_MAX = 1000
"""The maximum number of mutes and bans in force."""
RESTRICTIONS_PAGE = 200
"""The maximum number of restrictions on one page."""
IDENTITIES_MAX = 16
"""The maximum number of identities that one restriction covers."""
_TEN_YEARS = 315_360_000

Reason = Annotated[str, Field(min_length=1, max_length=200)]
"""The moderator's reason as it is stored; it is shown to the affected user."""
NewReason = Annotated[Reason | None, AfterValidator(clean_reason)]
"""The reason in a request. Stored ones are read by laxer rules: earlier releases checked only the length."""
Seconds = Annotated[int, Field(ge=1, le=_TEN_YEARS)]
Identities = Annotated[tuple[Identity, ...], Field(max_length=IDENTITIES_MAX)]


class ErasureV1(Model):
    """A pending erasure of a text without files, as every release can read it."""

    version: Literal[1] = 1
    room: RoomName
    id: Identifier
    message_seq: Annotated[Sequence, Field(ge=1)]


class Erasure(Model):
    """A pending erasure, on ``chat.erasures.<id>``: the text of a removed message may still be on disk.

    ``message_seq``: the sequence of that text in ``CHAT``. ``files``: those whose bytes are to be deleted.
    """

    version: Literal[2] = 2
    room: RoomName
    id: Identifier
    message_seq: Annotated[Sequence, Field(ge=1)]
    files: FileIds = ()

    def stored(self) -> Model:
        """Return what to store. Without files, processes of older releases can finish it, too."""
        return self if self.files else copy_fields(self, ErasureV1)


class RemoveRequest(Model):
    """Remove a message; a repeated request changes nothing."""

    room: RoomName
    id: Identifier
    reason: NewReason = None
    by: Requester = Requester()


class RemoveReply(Model):
    """The removed message; ``seq`` is the sequence of the removal event."""

    seq: Sequence
    id: Identifier
    room: RoomName


class RestrictionKind(StrEnum):
    """The kind of a restriction."""

    MUTE = "mute"
    """The user can read but not send."""
    BAN = "ban"
    """The user or address can't connect."""


class RestrictionFields(Model):
    """The fields of a mute or a ban that every release knows.

    ``address``: an IPv4 address or an IPv6 /64 network. ``until``: when it expires. ``lifted``: a moderator
    ended it.
    """

    version: int
    id: Identifier
    kind: RestrictionKind
    name: RawName | None = None
    address: Address | None = None
    by: Annotated[str, Field(min_length=1, max_length=64)]
    at: Timestamp
    until: Timestamp | None = None
    reason: Reason | None = None
    lifted: bool = False


class Restriction(RestrictionFields):
    """A mute or a ban as it is shown, and as releases without identities stored it."""

    version: Literal[1] = 1


class RestrictionRecord(RestrictionFields):
    """A mute or a ban, on ``chat.restrictions.<id>``.

    ``identities``: it covers their holders under any name. They are those of the name, if a credential proves
    who holds it.
    """

    version: Literal[2] = 2
    identities: Identities = ()

    def shown(self) -> Restriction:
        """Return it without the identities."""
        return copy_fields(self, Restriction)

    def stored(self) -> RestrictionFields:
        """Return what to store. Without identities, processes of older releases can enforce it, too."""
        return self if self.identities else self.shown()


class RestrictRequest(Model):
    """Mute a name, or ban a name or an address, for ``seconds`` or until it is lifted.

    It also covers the holder of the name under any other name, if a credential proves who that is, and
    ``identities``: other holders that the gateway knows.
    A new restriction replaces an earlier one of the same kind and target. ``request_id`` is an idempotency
    key: for ten minutes, a retry changes nothing and gets the same reply.
    """

    request_id: Identifier | None = None
    kind: RestrictionKind
    name: RawName | None = None
    address: Address | None = None
    identities: Identities | None = None
    seconds: Seconds | None = None
    reason: NewReason = None
    by: Requester = Requester()


class RestrictReply(Model):
    """The restriction in force, and the sequence in ``MEMBERS`` from which it applies."""

    restriction: Restriction
    seq: Sequence


class LiftRequest(Model):
    """Lift a restriction; ``request_id`` is an idempotency key."""

    request_id: Identifier | None = None
    id: Identifier
    reason: NewReason = None
    by: Requester = Requester()


class LiftReply(Model):
    """The lifted restriction, and the sequence in ``MEMBERS`` from which it no longer applies."""

    restriction: Restriction
    seq: Sequence


class RestrictionsRequest(Model):
    """Get a page of the restrictions in force, sorted by id, after ``after``."""

    after: Identifier | None = None
    limit: Annotated[int, Field(ge=1, le=RESTRICTIONS_PAGE)] = RESTRICTIONS_PAGE


class RestrictionsReply(Model):
    """Mutes and bans in force; ``next`` is the ``after`` of the next page, if there is one."""

    restrictions: tuple[Restriction, ...]
    next: Identifier | None = None


class RevokeRequest(Model):
    """Revoke the token of ``user_id``: they are removed from the list, their name becomes free, and their
    connections are closed.

    ``request_id`` is an idempotency key.
    """

    request_id: Identifier | None = None
    user_id: Identifier
    reason: NewReason = None
    by: Requester = Requester()


class RevokeReply(Model):
    """The owner of the revoked token, and the sequence of their record in ``MEMBERS``."""

    user: User
    seq: Sequence


def _upgrade_erasure(old: ErasureV1) -> Erasure:
    return copy_fields(old, Erasure)


ERASURE = StoredContract(Erasure, {1: PreviousVersion(ErasureV1, _upgrade_erasure)})


def _upgrade_restriction(old: Restriction) -> RestrictionRecord:
    return copy_fields(old, RestrictionRecord)


RESTRICTION = StoredContract(RestrictionRecord, {1: PreviousVersion(Restriction, _upgrade_restriction)})


def restriction_id(kind: RestrictionKind, name: str | None, address: str | None) -> str:
    """Return the id of a restriction. It is derived from kind and target, so that a repeat replaces it.

    Names that only look alike have different ids: ``Restrictions`` finds a restriction by all of them.
    """
    target = f"address/{address}" if name is None else f"name/{stored_form(name)}"
    return hashlib.sha256(f"{kind.value}/{target}".encode()).hexdigest()[:32]
