"""Who asks: found from the proof that a request or socket brings, and held to what they may do."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from starlette.requests import HTTPConnection, Request

from opsroom_contracts.chat import User, WhoamiReply, WhoamiRequest
from opsroom_contracts.cloud import ANONYMOUS
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Action, Grant, Mode, Role, SignIn
from opsroom_contracts.subjects import ChatSubject
from opsroom_gateway.auth.static_tokens import StaticTokens
from opsroom_gateway.domain.roles import anonymous_role, higher_role, permissions_of, registered_role
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.presence.restriction_enforcer import RestrictionEnforcer
from opsroom_messaging.client.request_client import RequestClient

TOKEN_MAX = 8192
"""The longest proof that is looked at, in characters: those of single sign-on are long."""
_REGISTRATION_TOKEN_MAX = 256


class AuthMethod(StrEnum):
    """What showed who somebody is."""

    NONE = "nothing"
    REGISTRATION = "registration"
    STATIC = "given"
    SIGN_ON = "sign_on"


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone who asks. ``name``: for the log of events; ``grant``: what a registration of theirs holds.

    ``token_digest``: of a registration token, to notice when it is revoked.
    """

    auth_method: AuthMethod
    name: str
    role: Role | None
    permissions: frozenset[Action] = frozenset()
    user: User | None = None
    grant: Grant | None = None
    token_digest: str | None = None


@dataclass(frozen=True, slots=True)
class AccessRules:
    """``guests``: whether anybody may register. ``open_moderation``: whether the machine itself moderates,
    unproved, in open mode.
    """

    mode: Mode
    guests: bool
    open_moderation: bool


class SignOn(Protocol):
    """Single sign-on: reads the issuer's tokens."""

    async def grant(self, token: str) -> tuple[str, Grant]:
        """The name and the grant of whoever the token is about.

        Raises:
            FaultError: ``token_invalid``, ``forbidden``, ``unavailable``.
        """

    async def sign_in(self) -> SignIn | None:
        """What a browser needs to sign in; None while the issuer does not say."""


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
        """Whoever the ``Authorization`` header proves; without one, whoever may come in here.

        Raises:
            FaultError: ``token_invalid``; ``banned``, by name or address; ``unavailable``.
        """
        client = client_of(connection)
        self.enforcer.check(client)
        principal = await self._authenticate(connection, local=client.local)
        if principal.auth_method is not AuthMethod.NONE:
            self.enforcer.check(client, principal.name)
        return principal

    async def _authenticate(self, connection: HTTPConnection, *, local: bool) -> Principal:
        header = connection.headers.get("authorization")
        if header is None:
            return self._anonymous(local=local)
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise refuse(ErrorCode.TOKEN_INVALID, "Authorization: must be 'Bearer <token>'")
        return await self.from_token(token.strip(), local=local)

    async def from_token(self, token: str, *, local: bool = False) -> Principal:
        """Whoever ``token`` proves.

        Raises:
            FaultError: ``token_invalid``; ``unavailable``.
        """
        if len(token) > TOKEN_MAX or not token.isascii():
            raise refuse(ErrorCode.TOKEN_INVALID, "the token is no token of ours")
        given = self.tokens.find(token)
        if given is not None:
            grant = Grant(role=given.role, source=given.source)
            return self._with_permissions(
                Principal(AuthMethod.STATIC, given.name, given.role, grant=grant), local=local
            )
        if self._sign_on is not None and token.count(".") == 2:
            name, grant = await self._sign_on.grant(token)
            return self._with_permissions(
                Principal(AuthMethod.SIGN_ON, name, grant.role, grant=grant), local=local
            )
        request = WhoamiRequest(token=token[:_REGISTRATION_TOKEN_MAX])
        reply = await self._requester.ask(ChatSubject.WHOAMI, request, WhoamiReply)
        return self._registered(reply, token, local=local)

    async def sign_in(self) -> SignIn | None:
        """How a browser signs in here; None where it does not, or can't just now."""
        return None if self._sign_on is None else await self._sign_on.sign_in()

    async def authorize(self, connection: HTTPConnection, action: Action) -> Principal:
        """Whoever asks, if they may do ``action``.

        Raises:
            FaultError: ``token_invalid``, ``unauthenticated``, ``forbidden``, ``unavailable``.
        """
        principal = await self.principal(connection)
        self.check(principal, action)
        return principal

    def require(self, action: Action) -> Callable[[Request], Awaitable[Principal]]:
        """The dependency of a route that asks for ``action``."""

        async def authorized(request: Request) -> Principal:
            return await self.authorize(request, action)

        return authorized

    def check(self, principal: Principal, action: Action) -> None:
        """Pass whoever may do ``action``.

        Raises:
            FaultError: ``unauthenticated`` where a proof would help, ``forbidden`` where it did not.
        """
        if action in principal.permissions:
            return
        words = action.value.replace("_", " ")
        if principal.auth_method is AuthMethod.NONE:
            raise refuse(
                ErrorCode.UNAUTHENTICATED, f"to {words} here, say who you are: Authorization: Bearer"
            )
        if principal.role is None:
            raise refuse(
                ErrorCode.TOKEN_INVALID, "what the token was given for counts no longer: sign in again"
            )
        raise refuse(ErrorCode.FORBIDDEN, f"the role {principal.role} may not {words}")

    def is_still_allowed(self, principal: Principal, action: Action) -> bool:
        """Whether someone who was let in before may go on, as far as this process can tell by itself."""
        if principal.grant is None or action not in principal.permissions:
            return action in principal.permissions
        role = self._role_of_grant(principal.grant)
        base = anonymous_role(self.mode, local=False)
        return action in permissions_of(higher_role(base, role), guests=self.guests)

    def _role_of_grant(self, grant: Grant | None) -> Role | None:
        revoked = False
        if grant is not None and grant.source.startswith("token:"):
            given = self.tokens.by_source(grant.source)
            revoked = given is None
            if given is not None:
                grant = grant.model_copy(update={"role": given.role})
        elif grant is not None:
            revoked = self.mode is not Mode.OIDC
        return registered_role(grant, self._clock(), guests=self.guests, revoked=revoked)

    def _anonymous(self, *, local: bool) -> Principal:
        return self._with_permissions(Principal(AuthMethod.NONE, ANONYMOUS, None), local=local)

    def _registered(self, reply: WhoamiReply, token: str, *, local: bool) -> Principal:
        role = self._role_of_grant(reply.grant)
        digest = hashlib.sha256(token.encode()).hexdigest()
        person = Principal(
            AuthMethod.REGISTRATION,
            reply.user.name,
            role,
            user=reply.user,
            grant=reply.grant,
            token_digest=digest,
        )
        return self._with_permissions(person, local=local)

    def _with_permissions(self, principal: Principal, *, local: bool) -> Principal:
        """``principal`` with the rights of their role, or of anybody where those are more."""
        held = higher_role(anonymous_role(self.mode, local=local), principal.role)
        permissions = permissions_of(held, guests=self.guests)
        if principal.role is not Role.ADMIN and not self._rules.open_moderation:
            permissions -= {Action.MODERATE}
        return replace(principal, role=held, permissions=permissions)
