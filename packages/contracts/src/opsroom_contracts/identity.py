"""Models of authorization: modes, roles, permissions, identities, and the caller's session."""

import hashlib
import re
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from opsroom_contracts.serialization.model import Model, Timestamp
from opsroom_contracts.text import names_alike


class Mode(StrEnum):
    """How the portal authenticates users; one setting."""

    OPEN = "open"
    """No authentication: anyone may chat and command servers."""
    TOKEN = "token"  # noqa: S105 - a mode, not a secret
    """Static tokens issued by the operator of the portal."""
    OIDC = "oidc"
    """Single sign-on with OpenID Connect."""


class Role(StrEnum):
    """The role of a user; each role includes the permissions of the previous ones."""

    MEMBER = "member"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Whether it has all permissions of ``other``."""
        ladder = list(Role)
        return ladder.index(self) >= ladder.index(other)


class Action(StrEnum):
    """A permission."""

    REGISTER = "register"
    """Register a nickname."""
    CHAT = "chat"
    """Read and send messages, see the user list."""
    SEE_SERVERS = "see_servers"
    COMMAND_SERVERS = "command_servers"
    SEE_LOGS = "see_logs"
    """Read what servers write to their logs, which may contain anything."""
    MODERATE = "moderate"
    """Remove messages, mute, ban, and revoke tokens."""
    MANAGE_PEOPLE = "manage_people"
    """See all people with their roles and devices, and invite."""
    SEE_AUDIT = "see_audit"
    MANAGE_HOOKS = "manage_hooks"
    """See, make and remove hooks, by which other programs write to rooms."""
    MANAGE_ON_CALL = "manage_on_call"
    """Make, change and remove rotas of who is on call."""


GRANT_SOURCE_MAX = 128


class Grant(Model):
    """Permissions of a registration token that were granted because of another credential.

    ``source`` identifies that credential without revealing it: ``token:<digest>``, ``oidc:<digest>`` of the
    subject, ``invitation:<user>``, or ``bot:<owner>``. The grant ends at ``until``, or when the credential is
    revoked.
    """

    role: Role
    source: Annotated[str, Field(max_length=GRANT_SOURCE_MAX)]
    until: Timestamp | None = None


class Credential(StrEnum):
    """How a user can sign in again, on any device. Without one, only by a link from a device of theirs."""

    TOKEN = "token"  # noqa: S105 - a kind, not a secret
    SIGN_ON = "sign_on"
    INVITATION = "invitation"
    BOT = "bot"
    """The token of a bot, which its owner or an admin made."""


_INVITATION: Final = "invitation:"
_USER: Final = "user:"


def invitation_source(user_id: str) -> str:
    """Return the source of the grant of an invited user: the invitation is for one name alone."""
    return f"{_INVITATION}{user_id}"


_BOT: Final = "bot:"
BOT_ID_PREFIX: Final = "bot-"
"""The ids of bots begin with it, and no others do, so that every message and list shows who is one."""


IMPORTED_ID_PREFIX: Final = "imported-"
"""The ids of people of an imported chat begin with it: nobody can sign in as them."""


def is_bot(user_id: str) -> bool:
    """Return whether the user with this id is a bot."""
    return user_id.startswith(BOT_ID_PREFIX)


def is_bot_identity(identity: "Identity") -> bool:
    """Return whether ``identity`` is that of a bot."""
    return identity.startswith(f"{_USER}{BOT_ID_PREFIX}")


def bot_source(owner: "Identity") -> str:
    """Return the source of the grant of a bot.

    ``owner``: ``token:<digest>`` of a static token, or ``user:<id>`` of any other person.
    """
    return f"{_BOT}{owner}"


def owner_of_bot(grant: Grant | None) -> "Identity | None":
    """Return the identity of the owner of a bot with ``grant``; None: it is no bot's."""
    if grant is None or not grant.source.startswith(_BOT):
        return None
    return grant.source.removeprefix(_BOT)


def owner_id_of_bot(grant: Grant | None) -> str | None:
    """Return the user id of a bot's owner; None if a static token owns it."""
    owner = owner_of_bot(grant)
    return None if owner is None or not owner.startswith(_USER) else owner.removeprefix(_USER)


def credential_of(grant: Grant | None) -> Credential | None:
    """Return the kind of credential behind a grant."""
    if grant is None:
        return None
    kinds = {
        "token": Credential.TOKEN,
        "oidc": Credential.SIGN_ON,
        "invitation": Credential.INVITATION,
        "bot": Credential.BOT,
    }
    return kinds.get(grant.source.partition(":")[0])


_IDENTITY_PATTERN: Final = r"^(operator|(token|oidc|user|anonymous):[A-Za-z0-9][A-Za-z0-9_-]{0,63})$"
_CREDENTIAL: Final = re.compile(r"(token|oidc):[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

Identity = Annotated[str, Field(pattern=_IDENTITY_PATTERN)]
"""Who a request is for: what proves it, not the name that is shown. It never changes with the name.

- ``token:<digest>``: the holder of a static token; the digest is the beginning of the token's SHA-256.
- ``oidc:<digest>``: a subject of the issuer; the digest is that of both.
- ``user:<id>``: a registered user without another credential, or a bot.
- ``anonymous:<digest>``: a client without a token; the digest is that of its network.
- ``operator``: a NATS request without an identity, which only the broker's operator can send.

A registration that was made with another credential has the identity of that credential, so all names that
one credential registered are one identity.
"""

OPERATOR_IDENTITY: Final = "operator"

RESERVED_NAMES: Final = frozenset({"anonymous", "course", "operator", "opsroom"})
"""Names under which the portal shows callers without a name, and itself. No user can register them."""


def is_reserved(name: str) -> bool:
    """Return whether ``name`` counts as the same as a reserved one."""
    return any(names_alike(name, reserved) for reserved in RESERVED_NAMES)


def granted_identity(grant: Grant | None) -> Identity | None:
    """Return the identity of the credential behind a registration; None without one."""
    if grant is None or _CREDENTIAL.fullmatch(grant.source) is None:
        return None
    return grant.source


def identity_of(grant: Grant | None, user_id: str) -> Identity:
    """Return the identity of a registered user: that of the credential behind the registration, if any."""
    return granted_identity(grant) or f"user:{user_id}"


def anonymous_identity(network: str) -> Identity:
    """Return the identity of clients of ``network`` without a token."""
    return f"anonymous:{hashlib.sha256(network.encode()).hexdigest()[:32]}"


class SignIn(Model):
    """Parameters for a browser to sign in with the authorization code flow and PKCE."""

    issuer: str
    client_id: str
    scope: str
    authorization_endpoint: str
    token_endpoint: str


class SessionView(Model):
    """The caller's identity and permissions. ``name`` and ``role`` are missing if the caller is anonymous.

    ``guests``: whether anyone may register a name. ``sign_in``: only in mode ``oidc``. ``now``: the portal's
    clock, with which times such as ``dueAt`` are compared; that of the caller's device may be wrong.
    ``credential`` and ``devices``: of a registered user, how they can sign in elsewhere, and on how many
    devices they are signed in.
    """

    mode: Mode
    guests: bool
    may: tuple[Action, ...]
    role: Role | None = None
    name: str | None = None
    user_id: str | None = None
    until: Timestamp | None = None
    sign_in: SignIn | None = None
    now: Timestamp | None = None
    credential: Credential | None = None
    devices: int | None = None
