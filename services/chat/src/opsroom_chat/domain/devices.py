"""Rules of devices and one-time links: how a member's record changes as devices sign in and out.

Pure functions: each takes the current record and returns the new one.
"""

import hmac
from datetime import datetime, timedelta

from opsroom_chat.domain.presence import (
    Change,
    GracePeriods,
    NameClaimChange,
    held_until,
    leave_all,
    revoke,
)
from opsroom_chat.domain.tokens import token_hash
from opsroom_contracts.chat.devices import DEVICE_LINK_SECONDS, DEVICES_MAX, Device, Link
from opsroom_contracts.chat.models import Member, MemberStatus, ProtocolVersion, User
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.identity import Credential, Grant, Role, credential_of, invitation_source, is_bot


def sign_in(
    known: Member, user: User, device: Device, now: datetime, grace_periods: GracePeriods
) -> Change | None:
    """Add ``device`` to the member ``known``, who proved that they are the same person; None if it is there.

    A member who is away takes the name again, in the spelling of ``user``.
    """
    away = known.status is MemberStatus.AWAY
    if not away and known.device(device.token_hash) is not None:
        return None
    member = _with_devices(known, (*_valid(known, now, device.token_hash), device))
    if away:
        returned: dict[str, object] = {
            "user": user,
            "status": MemberStatus.RESERVED,
            "joined_at": now,
            "deadline": now + grace_periods.registration,
            "exited": False,
        }
        return Change(member.model_copy(update=returned), NameClaimChange.CLAIM)
    return Change(_held(member, now + grace_periods.registration))


def sign_out(member: Member, digest: str, now: datetime, grace_periods: GracePeriods) -> Change | None:
    """Sign out the device whose token has the ``digest``; None if it is not signed in.

    The last device takes the member off the user list. The grant stays: it says whose the name is.
    """
    if member.device(digest) is None:
        return None
    if is_bot(member.user.id):
        return revoke(member)  # without its token, it could never return
    left = _with_devices(member, tuple(one for one in member.all_devices() if one.token_hash != digest))
    if left.token_hash is not None:
        return Change(left)
    change = leave_all(left, now, grace_periods)
    return Change(left) if change is None else change


def invite(
    known: Member | None,
    invitation: tuple[User, Role, Link],
    now: datetime,
) -> Change:
    """Hold the name for an invited user, or invite one again, with another role.

    Raises:
        FaultError: ``name_taken``: the user registered in another way.
    """
    user, role, link = invitation
    grant = Grant(role=role, source=invitation_source(user.id))
    link = link.model_copy(update={"grant": grant})
    if known is None or known.status is MemberStatus.AWAY:
        held = Member(
            user=user,
            dialect=ProtocolVersion.V1,
            status=MemberStatus.RESERVED,
            joined_at=now,
            deadline=link.until,
            grant=grant,
            link=link,
        )
        return Change(held, NameClaimChange.CLAIM)
    if credential_of(known.grant) is not Credential.INVITATION:
        raise refuse(ErrorCode.NAME_TAKEN, f"The name {user.name!r} is already taken.", field="name")
    devices = tuple(one.model_copy(update={"grant": grant}) for one in known.devices)
    again = known.model_copy(update={"grant": grant, "devices": devices, "link": link})
    return Change(_held(again, link.until))


def device_link(member: Member, digest: str, link: Link, now: datetime) -> Change:
    """Store a link that the device with this ``digest`` of its token has asked for.

    Raises:
        FaultError: ``token_invalid``: it is not signed in. ``forbidden``: it is a bot.
    """
    device = member.device(digest)
    if device is None:
        raise refuse(ErrorCode.TOKEN_INVALID, "the token is not valid: register again", field="token")
    if is_bot(member.user.id):
        raise refuse(ErrorCode.FORBIDDEN, "a bot has one token: make it again for another one")
    until = now + timedelta(seconds=DEVICE_LINK_SECONDS)
    link = link.model_copy(update={"grant": device.grant, "until": until})
    linked = member.model_copy(update={"link": link})
    return Change(linked if member.status is MemberStatus.PRESENT else _held(linked, until))


def exchange(
    member: Member, secret: str, digest: str, now: datetime, grace_periods: GracePeriods
) -> Change | None:
    """Use the link with ``secret`` for the device with the ``digest`` of its token; None if it has done so.

    Raises:
        FaultError: ``link_invalid``.
    """
    if member.device(digest) is not None:
        return None
    link = member.link
    if link is None or now >= link.until or not hmac.compare_digest(token_hash(secret), link.hash):
        raise link_invalid()
    device = Device(token_hash=digest, grant=link.grant)
    joined = _with_devices(member.model_copy(update={"link": None}), (*_valid(member, now, digest), device))
    return Change(_held(joined, held_until(joined, now, grace_periods.registration, grace_periods)))


def link_invalid() -> FaultError:
    """Return the error for a link that can't be used; it does not say why, as nobody has proved anything."""
    return refuse(ErrorCode.LINK_INVALID, "the link was used before, was withdrawn or has expired")


def _valid(member: Member, now: datetime, digest: str) -> tuple[Device, ...]:
    """Return the devices whose grants have not ended, so that there is room for one more."""
    valid = tuple(
        one for one in member.all_devices() if one.token_hash != digest and not _has_ended(one.grant, now)
    )
    return valid[-(DEVICES_MAX - 1) :]


def _has_ended(grant: Grant | None, now: datetime) -> bool:
    return grant is not None and grant.until is not None and now >= grant.until


def _with_devices(member: Member, devices: tuple[Device, ...]) -> Member:
    """Return ``member`` with ``devices``. Without any, the grant stays."""
    if not devices:
        return member.model_copy(update={"token_hash": None, "devices": ()})
    first, *others = devices
    return member.model_copy(
        update={"token_hash": first.token_hash, "grant": first.grant, "devices": tuple(others)}
    )


def _held(member: Member, until: datetime) -> Member:
    """Return a member, who is not away, whose name is held at least ``until`` if nobody is connected."""
    if member.deadline is None or member.deadline >= until:
        return member
    return member.model_copy(update={"status": MemberStatus.RESERVED, "deadline": until})
