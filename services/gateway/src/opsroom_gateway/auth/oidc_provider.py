"""The issuer of single sign-on: what it says of itself, and its keys, kept while it is away."""

import asyncio
import json
import logging
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError

from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_messaging.client.connection import describe

_FETCH_SECONDS = 5.0
_MAX_BYTES = 512 * 1024
_KEYS_TTL_SECONDS = 3600.0
_RETRY_SECONDS = 10.0
"""Unknown keys are asked for no more often: else anybody could have us flood the issuer."""

log = logging.getLogger(__name__)


class OidcProviderError(Exception):
    """The issuer can't be reached, or says what can't be used."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is used of the issuer's description of itself."""

    jwks_uri: str
    authorization_endpoint: str
    token_endpoint: str


class OidcProvider:
    """One issuer, by its address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._metadata: Metadata | None = None
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """Its description of itself, fetched once.

        Raises:
            FaultError: ``unavailable``.
        """
        if self._metadata is None:
            await self._refresh()
        if self._metadata is None:
            raise refuse(ErrorCode.UNAVAILABLE, "the issuer of single sign-on does not answer; try again")
        return self._metadata

    async def key(self, key_id: str | None) -> PyJWK:
        """The key with that id; without one, the only key.

        Raises:
            FaultError: ``token_invalid`` where it has no such key, ``unavailable`` where it never told any.
        """
        now = asyncio.get_running_loop().time()
        known = key_id in self._keys or (key_id is None and self._keys)
        if not known or now - self._fetched_at > _KEYS_TTL_SECONDS:
            await self._refresh()
        if not self._keys:
            raise refuse(ErrorCode.UNAVAILABLE, "the issuer of single sign-on does not answer; try again")
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        key = self._keys.get(key_id)
        if key is None:
            raise refuse(
                ErrorCode.TOKEN_INVALID, "the issuer has no key by which this token could be checked"
            )
        return key

    async def refresh_keys(self) -> bool:
        """Ask for the keys again, if that was not tried a moment ago; whether it answered."""
        before = self._fetched_at
        await self._refresh()
        return self._fetched_at != before

    async def _refresh(self) -> None:
        """Fetch what it says, unless that was tried a moment ago; what is known stays when it fails."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._tried_at < _RETRY_SECONDS:
                return
            self._tried_at = now
            try:
                metadata = await self._discover()
                keys = _keys_in(await _fetch(metadata.jwks_uri))
            except OidcProviderError as error:
                log.warning("the issuer %s: %s", self.address, error)
                return
            self._metadata, self._keys, self._fetched_at = metadata, keys, now

    async def _discover(self) -> Metadata:
        document = await _fetch(self.address.rstrip("/") + "/.well-known/openid-configuration")
        if document.get("issuer") != self.address:
            raise OidcProviderError(f"calls itself {document.get('issuer')!r}")
        try:
            metadata = Metadata(
                document["jwks_uri"], document["authorization_endpoint"], document["token_endpoint"]
            )
        except KeyError as error:
            raise OidcProviderError(f"does not say its {error}") from None
        for address in (metadata.jwks_uri, metadata.authorization_endpoint, metadata.token_endpoint):
            if not is_secure_url(address):
                raise OidcProviderError(f"{address!r} is not https")
        return metadata


def is_secure_url(address: object) -> bool:
    """Whether nobody on the way can change what an address answers: https, or this machine."""
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    return bool(parts.hostname) and (parts.scheme == "https" or (local and parts.scheme == "http"))


def _keys_in(document: dict[str, Any]) -> dict[str | None, PyJWK]:
    try:
        found = PyJWKSet.from_dict(document).keys
    except (PyJWTError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise OidcProviderError(f"its keys can't be read: {error}") from error
    return {key.key_id: key for key in found if key.public_key_use in {None, "sig"}}


async def _fetch(address: str) -> dict[str, Any]:
    """A JSON object from ``address``, in time and no larger than it may be."""
    try:
        async with asyncio.timeout(2 * _FETCH_SECONDS):
            body = await asyncio.to_thread(_get, address)
        found = json.loads(body)
    except (OSError, TimeoutError, ValueError) as error:
        raise OidcProviderError(f"{address}: {describe(error)}") from error
    if not isinstance(found, dict):
        raise OidcProviderError(f"{address}: answers no JSON object")
    return found


def _get(address: str) -> bytes:
    if not is_secure_url(address):
        raise ValueError("is not https")
    request = urllib.request.Request(address, headers={"Accept": "application/json"})  # noqa: S310 - checked
    with urllib.request.urlopen(request, timeout=_FETCH_SECONDS) as response:  # noqa: S310 - checked above
        body: bytes = response.read(_MAX_BYTES + 1)
    if len(body) > _MAX_BYTES:
        raise ValueError("answers too much")
    return body
