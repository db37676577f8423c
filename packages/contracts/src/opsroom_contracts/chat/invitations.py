"""Invitations, links for other devices, and signing out of one device."""

from typing import Annotated, Final

from pydantic import Field

from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.models import RawName, Token, User
from opsroom_contracts.chat.moderation import NewReason
from opsroom_contracts.identity import Role
from opsroom_contracts.serialization.model import Identifier, Model, Sequence, Timestamp

INVITATION_SECONDS_MIN: Final = 60
INVITATION_SECONDS_MAX: Final = 90 * 86_400
INVITATION_SECONDS: Final = 7 * 86_400
"""How long an invitation is valid if the request doesn't say."""
INVITATIONS_MAX: Final = 1_000
"""The maximum number of pending invitations: each holds a name."""
LINK_KEY_MAX: Final = 128

RequestSecret = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{31,63}$")]
"""The id of a request from which a secret is derived, so it must be impossible to guess."""
InvitationSeconds = Annotated[int, Field(ge=INVITATION_SECONDS_MIN, le=INVITATION_SECONDS_MAX)]


class Invitation(Model):
    """A pending invitation of ``name`` with ``role``. ``id``: that of the user who will have the name."""

    id: Identifier
    name: Annotated[str, Field(min_length=1, max_length=32)]
    role: Role
    by: Annotated[str, Field(min_length=1, max_length=64)]
    at: Timestamp
    until: Timestamp


class InviteRequest(Model):
    """Hold ``name``, and make a one-time link that signs a person in with it and with ``role``.

    Inviting an invited person again changes their role, and replaces a link that is still pending; they keep
    their devices and messages. ``request_id`` makes a retry return the same secret, so it must be impossible
    to guess.
    """

    request_id: RequestSecret
    name: RawName
    role: Role
    seconds: InvitationSeconds = INVITATION_SECONDS
    by: Requester = Requester()


class InviteReply(Model):
    """The invitation, the secret of its link, and the sequence of the member's record in ``MEMBERS``."""

    invitation: Invitation
    secret: Token
    seq: Sequence


class WithdrawRequest(Model):
    """Withdraw the invitation ``id``: its link is void, and the name is free unless a device has it."""

    request_id: Identifier | None = None
    id: Identifier
    reason: NewReason = None
    by: Requester = Requester()


class WithdrawReply(Model):
    """The user who is no longer invited, and the sequence of their record in ``MEMBERS``."""

    user: User
    seq: Sequence


class LinkRequest(Model):
    """Make a one-time link for another device of the member who has a device with ``token_hash``.

    It replaces an earlier link. ``request_id``: as in an invitation.
    """

    request_id: RequestSecret
    user_id: Identifier
    token_hash: str
    by: Requester = Requester()


class LinkReply(Model):
    """The secret of the link, and when it ends."""

    user: User
    secret: Token
    until: Timestamp
    seq: Sequence


class ExchangeRequest(Model):
    """Exchange the secret of a link for the token of a new device; a link can be used once.

    ``key``: a repeated request with the same one gets the same reply, as long as the device is signed in.
    """

    secret: Token
    key: Annotated[str, Field(min_length=1, max_length=LINK_KEY_MAX)]
    by: Requester = Requester()


class ExchangeReply(Model):
    """The member, the token of the new device, and the sequence of the member's record in ``MEMBERS``.

    ``invited``: the link was an invitation.
    """

    user: User
    token: Token
    seq: Sequence
    invited: bool = False


class SignOutRequest(Model):
    """Sign out the device with ``token_hash``; a repeated request changes nothing.

    If it was the last one, the member leaves the user list. The name stays theirs if they can return: with
    another proof, or by a link that is still valid.
    """

    user_id: Identifier
    token_hash: str
    by: Requester = Requester()


class SignOutReply(Model):
    """The member, and the sequence of their record in ``MEMBERS``."""

    user: User
    seq: Sequence
