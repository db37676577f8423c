"""Request and response bodies of ``/api/v1/access``: people, invitations and links."""

from typing import Annotated, Final

from pydantic import Field

from opsroom_contracts.chat.invitations import INVITATION_SECONDS, Invitation, InvitationSeconds
from opsroom_contracts.chat.models import RawName, Token, User
from opsroom_contracts.identity import Credential, Role
from opsroom_contracts.serialization.model import Identifier, Model, Timestamp

PEOPLE_MAX: Final = 5_000
"""The maximum number of people in one response."""
JOIN_FRAGMENT: Final = "#/join/"
"""The part of a link before its secret. Browsers don't send it to servers, so no log contains the secret."""


class NewInvitation(Model, defer_build=False):
    """Invite ``name`` with ``role``. The link is valid for ``seconds``, or until it is used."""

    name: RawName
    # Not strict: the web framework validates values of Python, where JSON's string is not a role.
    role: Annotated[Role, Field(strict=False)]
    seconds: InvitationSeconds = INVITATION_SECONDS


class NewInvitationLink(Model):
    """The invitation, and its link relative to the page's address, such as ``#/join/<secret>``.

    The secret is returned only once.
    """

    invitation: Invitation
    link: str


class InvitationList(Model):
    """All pending invitations, the one that ends first first."""

    invitations: tuple[Invitation, ...]


class NewBot(Model, defer_build=False):
    """Make a bot with ``name``. It may do what ``role`` allows, and no more than its owner may."""

    name: RawName
    # Not strict: as above.
    role: Annotated[Role, Field(strict=False)] = Role.MEMBER


class NewBotToken(Model):
    """The bot, and its token, which is returned only once."""

    user: User
    role: Role
    token: Token


class Bot(Model):
    """A bot. ``role``: what it may do now, with its owner's; missing: the owner may do nothing any more.

    ``owner``: the owner's name; missing if they are gone. ``present``: it is connected.
    """

    id: Identifier
    name: Annotated[str, Field(min_length=1, max_length=32)]
    role: Role | None = None
    owner: str | None = None
    present: bool = False


class BotList(Model):
    """Bots by name."""

    bots: tuple[Bot, ...]


class DeviceLink(Model):
    """A link for another device of the caller, relative to the page's address. It can be used once."""

    link: str
    until: Timestamp


class LinkSecret(Model, defer_build=False):
    """The secret in a link: what follows ``#/join/``."""

    secret: Token


class SignedIn(Model):
    """The user, and the token of the new device. ``invited``: the link was an invitation."""

    user: User
    token: Token
    invited: bool


class Person(Model):
    """A person as admins see them. Times and numbers are those of all their devices together.

    ``id`` is missing for a static token that nobody has used yet. ``credential`` is missing for those who
    only chose a name. ``present``: on the user list. ``seen_at``: when they joined or left last; missing if
    that is unknown. ``until``: when the role ends. ``pending``: they have not used their invitation yet.
    ``owner``: of a bot, the name of the person whose bot it is.
    """

    id: Identifier | None = None
    name: Annotated[str, Field(min_length=1, max_length=32)]
    role: Role | None = None
    credential: Credential | None = None
    present: bool = False
    connections: int = 0
    devices: int = 0
    joined_at: Timestamp | None = None
    seen_at: Timestamp | None = None
    until: Timestamp | None = None
    pending: bool = False
    owner: str | None = None


class PeopleList(Model):
    """People: those who are present first, then by name. ``more``: there are more than fit."""

    people: tuple[Person, ...]
    more: bool = False
