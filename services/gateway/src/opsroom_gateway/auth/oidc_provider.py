"""An OpenID provider's metadata and keys, cached while it is unavailable."""

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
"""Minimum interval of refreshes: otherwise tokens with unknown keys would flood the provider."""

log = logging.getLogger(__name__)


class OidcProviderError(Exception):
    """The provider can't be reached, or its metadata can't be used."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of the provider's metadata that is used."""

    jwks_uri: str
    authorization_endpoint: str
    token_endpoint: str


class OidcProvider:
    """One provider, identified by its issuer URL."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._metadata: Metadata | None = None
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """Return the metadata, fetched once.

        Raises:
            FaultError: ``unavailable``.
        """
        if self._metadata is None:
            await self._refresh()
        if self._metadata is None:
            raise refuse(ErrorCode.UNAVAILABLE, "the OpenID provider is unavailable; try again")
        return self._metadata

    async def key(self, key_id: str | None) -> PyJWK:
        """Return the key with that id; without an id, the only key.

        Raises:
            FaultError: ``token_invalid`` if there is no such key, ``unavailable`` if none were ever fetched.
        """
        now = asyncio.get_running_loop().time()
        known = key_id in self._keys or (key_id is None and self._keys)
        if not known or now - self._fetched_at > _KEYS_TTL_SECONDS:
            await self._refresh()
        if not self._keys:
            raise refuse(ErrorCode.UNAVAILABLE, "the OpenID provider is unavailable; try again")
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        key = self._keys.get(key_id)
        if key is None:
            raise refuse(ErrorCode.TOKEN_INVALID, "the OpenID provider has no key for this token")
        return key

    async def refresh_keys(self) -> bool:
        """Fetch the keys again unless they were fetched a moment ago. Returns whether it succeeded."""
        before = self._fetched_at
        await self._refresh()
        return self._fetched_at != before

    async def _refresh(self) -> None:
        """Fetch metadata and keys unless that was tried a moment ago. On failure the cached ones stay."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._tried_at < _RETRY_SECONDS:
                return
            self._tried_at = now
            try:
                metadata = await self._discover()
                keys = _keys_in(await _fetch(metadata.jwks_uri))
            except OidcProviderError as error:
                log.warning("OpenID provider %s: %s", self.address, error)
                return
            self._metadata, self._keys, self._fetched_at = metadata, keys, now

    async def _discover(self) -> Metadata:
        document = await _fetch(self.address.rstrip("/") + "/.well-known/openid-configuration")
        if document.get("issuer") != self.address:
            raise OidcProviderError(f"its metadata names the issuer {document.get('issuer')!r}")
        try:
            metadata = Metadata(
                document["jwks_uri"], document["authorization_endpoint"], document["token_endpoint"]
            )
        except KeyError as error:
            raise OidcProviderError(f"its metadata lacks {error}") from None
        for address in (metadata.jwks_uri, metadata.authorization_endpoint, metadata.token_endpoint):
            if not is_secure_url(address):
                raise OidcProviderError(f"{address!r} is not https")
        return metadata


def is_secure_url(address: object) -> bool:
    """Return whether nobody in between can change a response: https, or this machine."""
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
    """Fetch a JSON object, with a timeout and a size limit."""
    try:
        async with asyncio.timeout(2 * _FETCH_SECONDS):
            body = await asyncio.to_thread(_get, address)
        found = json.loads(body)
    except (OSError, TimeoutError, ValueError) as error:
        raise OidcProviderError(f"{address}: {describe(error)}") from error
    if not isinstance(found, dict):
        raise OidcProviderError(f"{address}: the response is not a JSON object")
    return found


def _get(address: str) -> bytes:
    if not is_secure_url(address):
        raise ValueError("is not https")
    request = urllib.request.Request(address, headers={"Accept": "application/json"})  # noqa: S310 - checked
    with urllib.request.urlopen(request, timeout=_FETCH_SECONDS) as response:  # noqa: S310 - checked above
        body: bytes = response.read(_MAX_BYTES + 1)
    if len(body) > _MAX_BYTES:
        raise ValueError("the response is too large")
    return body
