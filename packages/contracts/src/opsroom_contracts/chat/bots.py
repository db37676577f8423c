"""Requests and replies about bots: programs that take part in the chat, each with an owner."""

from typing import Annotated, Final

from pydantic import Field

from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.invitations import RequestSecret
from opsroom_contracts.chat.models import RawName, Token, User
from opsroom_contracts.identity import Role
from opsroom_contracts.serialization.model import Model, Sequence

BOTS_PER_OWNER_MAX: Final = 20
"""The maximum number of bots of one owner: each holds a name until it is removed."""

BotOwnerIdentity = Annotated[str, Field(pattern=r"^(token|user):[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
"""The identity of a bot's owner: a static token, or a user who can sign in again."""


class CreateBotRequest(Model):
    """Hold ``name`` for a bot of ``owner``, and make its token. Its role is at most ``role``.

    If this owner has a bot with the name already, that gets the role and a new token; the token before is
    revoked. ``request_id`` makes a retry return the same token, so it must be impossible to guess.
    """

    request_id: RequestSecret
    name: RawName
    role: Role
    owner: BotOwnerIdentity
    by: Requester = Requester()


class CreateBotReply(Model):
    """The bot, its token, and the sequence of its record in ``MEMBERS``."""

    user: User
    token: Token
    seq: Sequence
