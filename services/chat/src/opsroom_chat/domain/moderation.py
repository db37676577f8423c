"""What becomes of a message that is removed, and of those who are muted or banned.

Each function answers the record as it should be, or refuses. Nothing is stored here.
"""

from datetime import datetime, timedelta

from opsroom_contracts.addresses import AddressRuleError, bannable_site
from opsroom_contracts.audit import Requester
from opsroom_contracts.chat_events import MessageEvent, MessageRemoved
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.model import to_milliseconds
from opsroom_contracts.moderation import Restriction, RestrictionKind, RestrictRequest, restriction_id
from opsroom_contracts.text import NameRuleError, clean_name

_REMEMBERED_SECONDS = 60
"""How long a record outlives what it says, so that everybody hears of the end."""
RETRY_SECONDS = 60
"""For how long it is remembered what a request did: far longer than any gateway retries."""


def removal_of(event: MessageEvent, seq: int, now: datetime) -> MessageRemoved:
    """What is stored in the place of a message that lies at ``seq``."""
    return MessageRemoved(
        id=event.id,
        room=event.room,
        message_seq=seq,
        sent_at=event.timestamp,
        timestamp=to_milliseconds(now),
    )


def restriction_of(wanted: RestrictRequest, now: datetime) -> Restriction:
    """The record of a mute or ban.

    Raises:
        FaultError: ``invalid_request``: not exactly one target, or one that it can't be about.
    """
    name, address = _target(wanted)
    until = None if wanted.seconds is None else now + timedelta(seconds=wanted.seconds)
    return Restriction(
        id=restriction_id(wanted.kind, name, address),
        kind=wanted.kind,
        name=name,
        address=address,
        by=wanted.by.name,
        at=to_milliseconds(now),
        until=until,
        reason=wanted.reason,
    )


def lifted(restriction: Restriction, by: Requester, now: datetime) -> Restriction:
    """The record of one that is over."""
    ended: dict[str, object] = {"lifted": True, "by": by.name, "at": to_milliseconds(now)}
    return restriction.model_copy(update=ended)


def life_of(restriction: Restriction, now: datetime) -> int | None:
    """For how many seconds a record must be kept; None: for good."""
    if restriction.lifted:
        return _REMEMBERED_SECONDS
    if restriction.until is None:
        return None
    return max(0, int((restriction.until - now).total_seconds())) + _REMEMBERED_SECONDS


def _target(wanted: RestrictRequest) -> tuple[str | None, str | None]:
    if wanted.name is not None and wanted.address is not None:
        raise refuse(ErrorCode.INVALID_REQUEST, "address: must not go with name", field="address")
    if wanted.name is not None:
        try:
            return clean_name(wanted.name), None
        except NameRuleError as error:
            raise refuse(ErrorCode.INVALID_REQUEST, f"name: {error}", field="name") from None
    if wanted.kind is RestrictionKind.MUTE or wanted.address is None:
        raise refuse(ErrorCode.INVALID_REQUEST, "name: must be given", field="name")
    try:
        return None, bannable_site(wanted.address)
    except AddressRuleError as error:
        raise refuse(ErrorCode.INVALID_REQUEST, f"address: {error}", field="address") from None
