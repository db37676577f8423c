"""Models of authorization: modes, roles, permissions, and the caller's session."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from opsroom_contracts.serialization.model import Model, Timestamp


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


class Action(StrEnum):
    """A permission."""

    REGISTER = "register"
    """Register a nickname."""
    CHAT = "chat"
    """Read and send messages, see the user list."""
    SEE_SERVERS = "see_servers"
    COMMAND_SERVERS = "command_servers"
    MODERATE = "moderate"
    """Remove messages, mute, ban, and revoke tokens."""
    SEE_AUDIT = "see_audit"


GRANT_SOURCE_MAX = 128


class Grant(Model):
    """Permissions of a registration token that were granted because of another credential.

    ``source`` identifies that credential without revealing it: ``token:<digest>``, or ``oidc:<digest>`` of
    the subject. The grant ends at ``until``, or when the credential is revoked.
    """

    role: Role
    source: Annotated[str, Field(max_length=GRANT_SOURCE_MAX)]
    until: Timestamp | None = None


class SignIn(Model):
    """Parameters for a browser to sign in with the authorization code flow and PKCE."""

    issuer: str
    client_id: str
    scope: str
    authorization_endpoint: str
    token_endpoint: str


class SessionView(Model):
    """The caller's identity and permissions. ``name`` and ``role`` are missing if the caller is anonymous.

    ``guests``: whether anyone may register a name. ``sign_in``: only in mode ``oidc``.
    """

    mode: Mode
    guests: bool
    may: tuple[Action, ...]
    role: Role | None = None
    name: str | None = None
    user_id: str | None = None
    until: Timestamp | None = None
    sign_in: SignIn | None = None
