"""Authentication of requests and sockets, and authorization of what they ask for."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from starlette.requests import HTTPConnection, Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import BotOwner, User, WhoamiReply, WhoamiRequest
from opsroom_contracts.cloud.requests import ANONYMOUS
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.http import NAME_HEADER
from opsroom_contracts.identity import (
    Action,
    Credential,
    Grant,
    Identity,
    Mode,
    Role,
    SignIn,
    anonymous_identity,
    credential_of,
    identity_of,
    is_reserved,
    owner_id_of_bot,
    owner_of_bot,
)
from opsroom_gateway.auth.static_tokens import StaticTokens
from opsroom_gateway.domain.roles import (
    anonymous_role,
    higher_role,
    lower_role,
    named_role,
    permissions_of,
    permissions_of_bot,
    permissions_of_nameless,
    registered_role,
)
from opsroom_gateway.middleware.client_address import Client, client_of
from opsroom_gateway.presence.restriction_enforcer import RestrictionEnforcer
from opsroom_messaging.client.request_client import RequestClient

TOKEN_MAX = 8192
"""Longest accepted token, in characters. Tokens of single sign-on are long."""
_REGISTRATION_TOKEN_MAX = 256


class AuthMethod(StrEnum):
    """How a principal was authenticated."""

    NONE = "nothing"
    REGISTRATION = "registration"
    STATIC = "given"
    SIGN_ON = "sign_on"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated or anonymous client. ``identity``: who it is; ``name``: only to be shown.

    ``grant``: for registrations. ``token_digest``: SHA-256 of a registration token, to notice its revocation.
    ``owner``: of a bot, the person whose bot it is; None also if a static token owns it.
    """

    auth_method: AuthMethod
    identity: Identity
    name: str
    role: Role | None
    permissions: frozenset[Action] = frozenset()
    user: User | None = None
    grant: Grant | None = None
    token_digest: str | None = None
    owner: BotOwner | None = None


@dataclass(frozen=True, slots=True)
class AccessRules:
    """``guests``: whether anybody may register.

    ``open_moderation``: whether clients on this machine are admins in ``open`` mode, without a token.
    ``open_commands``: whether clients without a name may command instances in ``open`` mode.
    """

    mode: Mode
    guests: bool
    open_moderation: bool
    open_commands: bool = False


class SignOn(Protocol):
    """Single sign-on: verifies the provider's tokens."""

    async def grant(self, token: str) -> tuple[str, Grant]:
        """Return the name and the grant of the token's subject.

        Raises:
            FaultError: ``token_invalid``, ``forbidden``, ``unavailable``.
        """

    async def sign_in(self, *, wait: bool) -> SignIn | None:
        """Return what a browser needs to sign in; None while it is unknown.

        ``wait``: whether to wait a moment for the provider, if its metadata has not been fetched yet.
        """

    def start(self) -> None:
        """Start to fetch what sign-ins will need, in the background."""

    async def close(self) -> None:
        """Cancel what is in progress."""


class Authorizer:
    """Decides for this gateway who may do what."""

    def __init__(
        self,
        requester: RequestClient,
        tokens: StaticTokens,
        sign_on: SignOn | None,
        *,
        rules: AccessRules,
        enforcer: RestrictionEnforcer,
        clock: Callable[[], datetime],
    ) -> None:
        self.mode = rules.mode
        self.guests = rules.guests
        self.enforcer = enforcer
        self._rules = rules
        self.tokens = tokens
        self._requester = requester
        self._sign_on = sign_on
        self._clock = clock

    async def principal(self, connection: HTTPConnection) -> Principal:
        """Authenticate by the ``Authorization`` header; without one the client is anonymous.

        Raises:
            FaultError: ``token_invalid``; ``banned``, by name or address; ``unavailable``.
        """
        client = client_of(connection)
        self.enforcer.check(client)
        principal = await self._authenticate(connection, client)
        if principal.auth_method is not AuthMethod.NONE:
            self.enforcer.check(client, principal.name, principal.identity)
        self.check_owner(client, principal)
        return principal

    def check_owner(self, client: Client, principal: Principal) -> None:
        """Check that the owner of a bot is not banned.

        Raises:
            FaultError: ``banned``.
        """
        for name, identity in self.owners(principal):
            self.enforcer.check(client, name, identity)

    def owners(self, principal: Principal) -> tuple[tuple[str, Identity], ...]:
        """Return name and identity of the person who owns the bot ``principal``; none if it is no bot."""
        identity = owner_of_bot(principal.grant)
        if identity is None:
            return ()
        if principal.owner is None:
            token = self.tokens.by_source(identity)
            return () if token is None else ((token.name, identity),)
        user, grants = principal.owner.user, principal.owner.grants
        return ((user.name, identity_of(grants[0] if grants else None, user.id)),)

    async def _authenticate(self, connection: HTTPConnection, client: Client) -> Principal:
        header = connection.headers.get("authorization")
        if header is None:
            return self._anonymous(client)
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise refuse(ErrorCode.TOKEN_INVALID, "Authorization: must be 'Bearer <token>'")
        return await self.from_token(token.strip(), local=client.local)

    async def from_token(self, token: str, *, local: bool = False) -> Principal:
        """Return the principal of ``token``.

        Raises:
            FaultError: ``token_invalid``; ``unavailable``.
        """
        if len(token) > TOKEN_MAX or not token.isascii():
            raise refuse(ErrorCode.TOKEN_INVALID, "the token was not issued here")
        static_token = self.tokens.find(token)
        if static_token is not None:
            grant = Grant(role=static_token.role, source=static_token.source)
            principal = Principal(
                AuthMethod.STATIC, grant.source, static_token.name, static_token.role, grant=grant
            )
            return self._with_permissions(principal, local=local)
        if self._sign_on is not None and token.count(".") == 2:
            name, grant = await self._sign_on.grant(token)
            if not self.may_use_name(name, grant):  # the user chooses it at the issuer
                name = f"user-{grant.source.rpartition(':')[2][:8]}"
            principal = Principal(AuthMethod.SIGN_ON, grant.source, name, grant.role, grant=grant)
            return self._with_permissions(principal, local=local)
        request = WhoamiRequest(token=token[:_REGISTRATION_TOKEN_MAX])
        reply = await self._requester.request(endpoints.WHOAMI, request)
        return self._registered(reply, token, local=local)

    async def sign_in(self, principal: Principal) -> SignIn | None:
        """Return how a browser can sign in; None without single sign-on, or while that is unknown.

        A client that is authenticated already does not wait for the provider.
        """
        if self._sign_on is None:
            return None
        return await self._sign_on.sign_in(wait=principal.auth_method is AuthMethod.NONE)

    def named(self, principal: Principal, name: str, client: Client) -> Principal:
        """Return an anonymous ``principal`` under the ``name`` that it gave, which counts in ``open`` mode.

        Raises:
            FaultError: ``name_taken``: it is reserved. ``banned``.
        """
        if self.mode is not Mode.OPEN:
            return principal
        self.check_name(name)
        self.enforcer.check(client, name, principal.identity)
        held = higher_role(named_role(self.mode), principal.role)
        return replace(principal, name=name, role=held, permissions=permissions_of(held, guests=self.guests))

    def now(self) -> datetime:
        """Return the portal's time: that of the broker's clock."""
        return self._clock()

    def start(self) -> None:
        """Start to fetch, in the background, what single sign-on will need."""
        if self._sign_on is not None:
            self._sign_on.start()

    async def close(self) -> None:
        """Cancel what is in progress at the provider of single sign-on."""
        if self._sign_on is not None:
            await self._sign_on.close()

    async def authorize(self, connection: HTTPConnection, action: Action) -> Principal:
        """Authenticate, and check that the principal may do ``action``.

        Raises:
            FaultError: ``token_invalid``, ``unauthenticated``, ``forbidden``, ``unavailable``.
        """
        principal = await self.principal(connection)
        self.check(principal, action)
        return principal

    def require(self, action: Action) -> Callable[[Request], Awaitable[Principal]]:
        """Return a route's dependency that requires ``action``."""

        async def authorized(request: Request) -> Principal:
            return await self.authorize(request, action)

        return authorized

    def check(self, principal: Principal, action: Action) -> None:
        """Check that ``principal`` may do ``action``.

        Raises:
            FaultError: ``unauthenticated`` if a token could help, ``token_invalid`` or ``forbidden`` if not.
        """
        if action in principal.permissions:
            return
        action_name = action.value.replace("_", " ")
        if principal.auth_method is AuthMethod.NONE:
            or_name = f", or a name: {NAME_HEADER}" if self.mode is Mode.OPEN else ""
            raise refuse(
                ErrorCode.UNAUTHENTICATED, f"to {action_name}, send a token: Authorization: Bearer{or_name}"
            )
        if principal.role is None:
            raise refuse(ErrorCode.TOKEN_INVALID, "the token's grant has ended: sign in again")
        raise refuse(ErrorCode.FORBIDDEN, f"the role {principal.role} may not {action_name}")

    def check_name(self, name: str, grant: Grant | None = None) -> None:
        """Check that a user with ``grant`` may register ``name``; the chat service checks who holds it.

        Raises:
            FaultError: ``name_taken``: it belongs to a static token of another user, or to the portal.
        """
        if not self.may_use_name(name, grant):
            raise refuse(ErrorCode.NAME_TAKEN, f"The name {name!r} is already taken.", field="name")

    def may_use_name(self, name: str, grant: Grant | None = None) -> bool:
        """Return whether ``name`` is not reserved for somebody else."""
        holders = self.tokens.holders_of(name)
        if holders:
            return grant is not None and grant.source in holders
        return not is_reserved(name)

    def is_still_allowed(self, principal: Principal, action: Action) -> bool:
        """Return whether an earlier authorization still holds, as far as this process knows."""
        if principal.grant is None or action not in principal.permissions:
            return action in principal.permissions
        if owner_of_bot(principal.grant) is not None:
            return action in permissions_of_bot(self.role_of_bot(principal.grant, principal.owner))
        role = self._role_of_grant(principal.grant)
        base = named_role(self.mode)
        return action in permissions_of(higher_role(base, role), guests=self.guests)

    def role_of_bot(self, grant: Grant, owner: BotOwner | None) -> Role | None:
        """Return the role that a bot with ``grant`` has now: its own, or its owner's if that is lower."""
        if owner_id_of_bot(grant) is not None:
            grants = () if owner is None else owner.grants
        else:
            token = self.tokens.by_source(grant.source.partition(":")[2])
            grants = () if token is None else (Grant(role=token.role, source=token.source),)
        held = None
        for one in grants:
            if not self._has_ended(one):
                held = higher_role(held, self.role_of(one))
        return lower_role(grant.role, held)

    def _has_ended(self, grant: Grant) -> bool:
        return grant.until is not None and self._clock() >= grant.until

    def role_of(self, grant: Grant | None) -> Role | None:
        """Return the role of a registered user with ``grant``; None: they have none."""
        return higher_role(named_role(self.mode), self._role_of_grant(grant))

    def _role_of_grant(self, grant: Grant | None) -> Role | None:
        revoked = False
        match credential_of(grant):
            case Credential.TOKEN if grant is not None:
                static_token = self.tokens.by_source(grant.source)
                revoked = static_token is None
                if static_token is not None:
                    grant = grant.model_copy(update={"role": static_token.role})
            case Credential.INVITATION:
                pass  # a device that is signed in proves it, in every mode
            case _:
                revoked = grant is not None and self.mode is not Mode.OIDC
        return registered_role(grant, self._clock(), guests=self.guests, revoked=revoked)

    def _anonymous(self, client: Client) -> Principal:
        principal = Principal(AuthMethod.NONE, anonymous_identity(client.network), ANONYMOUS, None)
        return self._with_permissions(principal, local=client.local)

    def _registered(self, reply: WhoamiReply, token: str, *, local: bool) -> Principal:
        digest = hashlib.sha256(token.encode()).hexdigest()
        if reply.grant is not None and owner_of_bot(reply.grant) is not None:
            return self._bot(reply, reply.grant, digest)
        role = self._role_of_grant(reply.grant)
        principal = Principal(
            AuthMethod.REGISTRATION,
            identity_of(reply.grant, reply.user.id),
            reply.user.name,
            role,
            user=reply.user,
            grant=reply.grant,
            token_digest=digest,
        )
        return self._with_permissions(principal, local=local)

    def _bot(self, reply: WhoamiReply, grant: Grant, digest: str) -> Principal:
        """Return a bot. It may do what its role allows and no more, in any mode and from any address."""
        role = self.role_of_bot(grant, reply.owner)
        return Principal(
            AuthMethod.REGISTRATION,
            identity_of(grant, reply.user.id),
            reply.user.name,
            role,
            permissions_of_bot(role),
            reply.user,
            grant,
            digest,
            reply.owner,
        )

    def _with_permissions(self, principal: Principal, *, local: bool) -> Principal:
        """Return ``principal`` with the permissions of its role or, if they are more, the anonymous ones."""
        trusted = local and self._rules.open_moderation
        held = higher_role(anonymous_role(self.mode, trusted=trusted), principal.role)
        is_named = principal.auth_method is not AuthMethod.NONE or self._rules.open_commands
        if is_named:
            held = higher_role(named_role(self.mode), held)
            permissions = permissions_of(held, guests=self.guests)
        else:
            permissions = permissions_of_nameless(held, guests=self.guests)
        return replace(principal, role=held, permissions=permissions)
