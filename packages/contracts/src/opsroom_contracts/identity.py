"""Who may do what: modes, roles, and what the gateway says of the one who asks."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from opsroom_contracts.model import Model, Timestamp


class Mode(StrEnum):
    """How a portal tells people apart; one setting."""

    OPEN = "open"
    """Not at all: whoever comes may chat and command servers."""
    TOKEN = "token"  # noqa: S105 - a mode, not a secret
    """By tokens that the operator of the portal gave out."""
    OIDC = "oidc"
    """By single sign-on."""


class Role(StrEnum):
    """What someone is; each may do what those before may, and more."""

    MEMBER = "member"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Action(StrEnum):
    """What can be allowed."""

    REGISTER = "register"
    """Take a nickname."""
    CHAT = "chat"
    """Read and write messages, see who is here."""
    SEE_SERVERS = "see_servers"
    COMMAND_SERVERS = "command_servers"
    MODERATE = "moderate"
    """Remove messages, mute, ban, revoke."""
    SEE_AUDIT = "see_audit"


GRANT_SOURCE_MAX = 128


class Grant(Model):
    """What a registration token holds beyond its person, given because of another proof.

    ``source`` names that proof without telling it: ``token:<digest>``, or ``oidc:<digest>`` of who signed in.
    The grant ends at ``until``, or when the proof is withdrawn.
    """

    role: Role
    source: Annotated[str, Field(max_length=GRANT_SOURCE_MAX)]
    until: Timestamp | None = None


class SignIn(Model):
    """What a browser needs to sign in by authorization code with PKCE."""

    issuer: str
    client_id: str
    scope: str
    authorization_endpoint: str
    token_endpoint: str


class SessionView(Model):
    """Who asks, and what they may do. ``name`` and ``role`` are missing where nothing was proved.

    ``guests``: whether anybody may register a name. ``sign_in``: only in mode ``oidc``.
    """

    mode: Mode
    guests: bool
    may: tuple[Action, ...]
    role: Role | None = None
    name: str | None = None
    user_id: str | None = None
    until: Timestamp | None = None
    sign_in: SignIn | None = None
