"""OpenID Connect: verifies a provider's tokens, and maps their claims to a name and a grant."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import jwt
from jwt.exceptions import InvalidSignatureError, InvalidTokenError
from jwt.types import Options

from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Grant, Role, SignIn
from opsroom_gateway.auth.oidc_provider import OidcProvider
from opsroom_gateway.domain.claims import name_in, role_in, time_problem

_ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""Asymmetric algorithms only: with a shared key, a party that can verify a token can also forge one."""

_CHECKS: Final[Options] = {
    "require": ["exp", "iat", "iss", "aud", "sub"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}
"""The library would compare the times with this machine's clock, which may be wrong."""


@dataclass(frozen=True, slots=True)
class OidcConfig:
    """Requirements for tokens and their mapping to roles. ``roles``: from values of the claim to roles."""

    client_id: str
    audience: str
    scope: str
    roles_claim: str
    roles: Mapping[str, Role]
    default_role: Role | None
    skew: timedelta
    session_length: timedelta


class SingleSignOn:
    """Accepts the tokens of one provider."""

    def __init__(self, provider: OidcProvider, config: OidcConfig, clock: Callable[[], datetime]) -> None:
        self._provider = provider
        self._config = config
        self._clock = clock

    async def grant(self, token: str) -> tuple[str, Grant]:
        """Return the name and the grant of the token's subject.

        Raises:
            FaultError: ``token_invalid``, ``forbidden`` (signed in, but with no role here), ``unavailable``.
        """
        claims = await self._claims(token)
        subject = hashlib.sha256(f"{self._provider.address}\n{claims['sub']}".encode()).hexdigest()
        config = self._config
        role = role_in(claims, config.roles_claim, config.roles, config.default_role)
        if role is None:
            raise refuse(ErrorCode.FORBIDDEN, "you are signed in, but have no role here")
        grant = Grant(role=role, source=f"oidc:{subject[:32]}", until=self._clock() + config.session_length)
        return name_in(claims, f"user-{subject[:8]}"), grant

    async def sign_in(self, *, wait: bool) -> SignIn | None:
        """Return what a browser needs to sign in; None while it is unknown.

        ``wait``: whether to wait a moment for the provider, if its metadata has not been fetched yet.
        """
        provider = self._provider
        metadata = await provider.metadata() if wait else provider.cached_metadata()
        if metadata is None:
            return None
        return SignIn(
            issuer=self._provider.address,
            client_id=self._config.client_id,
            scope=self._config.scope,
            authorization_endpoint=metadata.authorization_endpoint,
            token_endpoint=metadata.token_endpoint,
        )

    def start(self) -> None:
        """Start to fetch the provider's metadata and keys, so that the first users need not wait for them."""
        self._provider.start_fetch()

    async def close(self) -> None:
        """Cancel what is in progress."""
        await self._provider.close()

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in _ALGORITHMS:
                raise refuse(ErrorCode.TOKEN_INVALID, "the token's signature algorithm is not supported")
            claims = await self._decode_with_refresh(token, header.get("kid"))
        except InvalidTokenError as error:
            raise refuse(ErrorCode.TOKEN_INVALID, f"the issuer's token is not valid: {error}"[:300]) from None
        problem = time_problem(claims, self._clock(), self._config.skew)
        if problem is not None:
            raise refuse(ErrorCode.TOKEN_INVALID, problem)
        multiple = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if multiple and claims.get("azp") not in {None, self._config.client_id}:
            raise refuse(ErrorCode.TOKEN_INVALID, "the token was made for another client")
        return claims

    async def _decode_with_refresh(self, token: str, key_id: str | None) -> dict[str, Any]:
        """Decode the claims. A token without a key id may be signed by a key newer than the cached ones."""
        try:
            return await self._decode(token, key_id)
        except InvalidSignatureError:
            if key_id is not None or not await self._provider.refresh_keys():
                raise
            return await self._decode(token, key_id)

    async def _decode(self, token: str, key_id: str | None) -> dict[str, Any]:
        return jwt.decode(
            token,
            await self._provider.key(key_id),
            algorithms=list(_ALGORITHMS),
            audience=self._config.audience,
            issuer=self._provider.address,
            options=_CHECKS,
        )
