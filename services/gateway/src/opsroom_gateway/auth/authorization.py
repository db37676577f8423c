"""Who asks: found from the proof that a request or socket brings, and held to what they may do."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from starlette.requests import HTTPConnection, Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat import User, WhoamiReply, WhoamiRequest
from opsroom_contracts.cloud import ANONYMOUS
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Action, Grant, Mode, Role, SignIn
from opsroom_gateway.auth.static_tokens import StaticTokens
from opsroom_gateway.domain.roles import allowed, higher, role_of_anybody, role_of_person
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.presence.restriction_enforcer import RestrictionEnforcer
from opsroom_messaging.client.request_client import RequestClient

TOKEN_MAX = 8192
"""The longest proof that is looked at, in characters: those of single sign-on are long."""
_PERSON_TOKEN_MAX = 256


class AuthMethod(StrEnum):
    """What showed who somebody is."""

    NOTHING = "nothing"
    REGISTRATION = "registration"
    GIVEN = "given"
    SIGN_ON = "sign_on"


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone who asks. ``name``: for the log of events; ``grant``: what a registration of theirs holds.

    ``token_digest``: of a registration token, to notice when it is revoked.
    """

    proof: AuthMethod
    name: str
    role: Role | None
    may: frozenset[Action] = frozenset()
    user: User | None = None
    grant: Grant | None = None
    token_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
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


class Access:
    """Decides for this gateway who may do what."""

    def __init__(
        self,
        requester: RequestClient,
        tokens: StaticTokens,
        sign_on: SignOn | None,
        *,
        rules: Rules,
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
        principal = await self._proved(connection, near=client.near)
        if principal.proof is not AuthMethod.NOTHING:
            self.enforcer.check(client, principal.name)
        return principal

    async def _proved(self, connection: HTTPConnection, *, near: bool) -> Principal:
        header = connection.headers.get("authorization")
        if header is None:
            return self._anybody(near=near)
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise refuse(ErrorCode.TOKEN_INVALID, "Authorization: must be 'Bearer <token>'")
        return await self.of_token(token.strip(), near=near)

    async def of_token(self, token: str, *, near: bool = False) -> Principal:
        """Whoever ``token`` proves.

        Raises:
            FaultError: ``token_invalid``; ``unavailable``.
        """
        if len(token) > TOKEN_MAX or not token.isascii():
            raise refuse(ErrorCode.TOKEN_INVALID, "the token is no token of ours")
        given = self.tokens.find(token)
        if given is not None:
            grant = Grant(role=given.role, source=given.source)
            return self._principal(
                Principal(AuthMethod.GIVEN, given.name, given.role, grant=grant), near=near
            )
        if self._sign_on is not None and token.count(".") == 2:
            name, grant = await self._sign_on.grant(token)
            return self._principal(Principal(AuthMethod.SIGN_ON, name, grant.role, grant=grant), near=near)
        request = WhoamiRequest(token=token[:_PERSON_TOKEN_MAX])
        reply = await self._requester.request(endpoints.WHOAMI, request)
        return self._person(reply, token, near=near)

    async def sign_in(self) -> SignIn | None:
        """How a browser signs in here; None where it does not, or can't just now."""
        return None if self._sign_on is None else await self._sign_on.sign_in()

    async def required(self, connection: HTTPConnection, action: Action) -> Principal:
        """Whoever asks, if they may do ``action``.

        Raises:
            FaultError: ``token_invalid``, ``unauthenticated``, ``forbidden``, ``unavailable``.
        """
        principal = await self.principal(connection)
        self.check(principal, action)
        return principal

    def require(self, action: Action) -> Callable[[Request], Awaitable[Principal]]:
        """The dependency of a route that asks for ``action``."""

        async def needed(request: Request) -> Principal:
            return await self.required(request, action)

        return needed

    def check(self, principal: Principal, action: Action) -> None:
        """Pass whoever may do ``action``.

        Raises:
            FaultError: ``unauthenticated`` where a proof would help, ``forbidden`` where it did not.
        """
        if action in principal.may:
            return
        words = action.value.replace("_", " ")
        if principal.proof is AuthMethod.NOTHING:
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
        if principal.grant is None or action not in principal.may:
            return action in principal.may
        role = self._role_of_grant(principal.grant)
        base = role_of_anybody(self.mode, near=False)
        return action in allowed(higher(base, role), guests=self.guests)

    def _role_of_grant(self, grant: Grant | None) -> Role | None:
        withdrawn = False
        if grant is not None and grant.source.startswith("token:"):
            given = self.tokens.by_source(grant.source)
            withdrawn = given is None
            if given is not None:
                grant = grant.model_copy(update={"role": given.role})
        elif grant is not None:
            withdrawn = self.mode is not Mode.OIDC
        return role_of_person(grant, self._clock(), guests=self.guests, withdrawn=withdrawn)

    def _anybody(self, *, near: bool) -> Principal:
        return self._principal(Principal(AuthMethod.NOTHING, ANONYMOUS, None), near=near)

    def _person(self, reply: WhoamiReply, token: str, *, near: bool) -> Principal:
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
        return self._principal(person, near=near)

    def _principal(self, proved: Principal, *, near: bool) -> Principal:
        """``proved`` with the rights of their role, or of anybody where those are more."""
        held = higher(role_of_anybody(self.mode, near=near), proved.role)
        may = allowed(held, guests=self.guests)
        if proved.role is not Role.ADMIN and not self._rules.open_moderation:
            may -= {Action.MODERATE}
        return replace(proved, role=held, may=may)
