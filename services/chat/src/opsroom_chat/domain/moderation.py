"""Rules of moderation: the records of mutes and bans.

Pure functions: each returns the new record, or refuses.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from opsroom_contracts.addresses import AddressRuleError, bannable_network
from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.moderation import (
    IDENTITIES_MAX,
    RestrictionKind,
    RestrictionRecord,
    RestrictRequest,
    restriction_id,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Identity
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.text import NameRuleError, clean_name

_TOMBSTONE_SECONDS = 60
"""How long a record is kept after its end, so that all subscribers see it."""
RETRY_SECONDS = 600
"""How long the result of a request is kept for deduplication: longer than a gateway sleeps with a request."""


def restriction_of(request: RestrictRequest, now: datetime) -> RestrictionRecord:
    """Build the record of a mute or ban, with the identities of the request.

    Raises:
        FaultError: ``invalid_request``: not exactly one target, or a target that can't be restricted.
    """
    name, address = _target(request)
    until = None if request.seconds is None else now + timedelta(seconds=request.seconds)
    return RestrictionRecord(
        id=restriction_id(request.kind, name, address),
        kind=request.kind,
        name=name,
        address=address,
        by=request.by.name,
        at=to_milliseconds(now),
        until=until,
        reason=request.reason,
        identities=(request.identities or ()) if name is not None else (),
    )


def covering(
    restriction: RestrictionRecord, identities: Iterable[Identity], by: Identity | None
) -> RestrictionRecord:
    """Return ``restriction`` so that it also covers ``identities``, as far as there is room.

    Raises:
        FaultError: ``invalid_request``: it would ban ``by``, the moderator.
    """
    covered = tuple(dict.fromkeys((*restriction.identities, *identities)))[:IDENTITIES_MAX]
    if restriction.kind is RestrictionKind.BAN and by in covered:
        raise refuse(ErrorCode.INVALID_REQUEST, "name: must not belong to your own identity", field="name")
    return restriction.model_copy(update={"identities": covered})


def lifted(restriction: RestrictionRecord, by: Requester, now: datetime) -> RestrictionRecord:
    """Return the record of the lifted ``restriction``."""
    ended: dict[str, object] = {"lifted": True, "by": by.name, "at": to_milliseconds(now)}
    return restriction.model_copy(update=ended)


def ttl_of(restriction: RestrictionRecord, now: datetime) -> int | None:
    """Return for how many seconds a record must be kept; None: without limit."""
    if restriction.lifted:
        return _TOMBSTONE_SECONDS
    if restriction.until is None:
        return None
    return max(0, int((restriction.until - now).total_seconds())) + _TOMBSTONE_SECONDS


def _target(request: RestrictRequest) -> tuple[str | None, str | None]:
    if request.name is not None and request.address is not None:
        raise refuse(ErrorCode.INVALID_REQUEST, "address: must not be combined with name", field="address")
    if request.name is not None:
        try:
            return clean_name(request.name), None
        except NameRuleError as error:
            raise refuse(ErrorCode.INVALID_REQUEST, f"name: {error}", field="name") from None
    if request.kind is RestrictionKind.MUTE or request.address is None:
        raise refuse(ErrorCode.INVALID_REQUEST, "name: is required", field="name")
    try:
        return None, bannable_network(request.address)
    except AddressRuleError as error:
        raise refuse(ErrorCode.INVALID_REQUEST, f"address: {error}", field="address") from None
