"""An OpenID provider's metadata and keys, cached while it is unavailable."""

import asyncio
import logging
import ssl
from typing import Annotated, Any

import httpx
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError
from pydantic import AfterValidator, BaseModel

from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.codec import contract_of, decode_lenient
from opsroom_gateway.domain.web_addresses import require_secure_url
from opsroom_messaging.client.connection import describe

_FETCH_SECONDS = 5.0
_MAX_BYTES = 512 * 1024
_MAX_REDIRECTS = 5
_KEYS_TTL_SECONDS = 3600.0
_RETRY_SECONDS = 10.0
"""Minimum interval of fetches: otherwise tokens with unknown keys would flood the provider."""
_WAIT_SECONDS = 2.0
"""How long a request that needs the result of a fetch waits for it. A provider may hang for longer."""
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}

SecureUrl = Annotated[str, AfterValidator(require_secure_url)]

log = logging.getLogger(__name__)


class Metadata(BaseModel, frozen=True):
    """The part of the provider's metadata that is used."""

    issuer: str
    jwks_uri: SecureUrl
    authorization_endpoint: SecureUrl
    token_endpoint: SecureUrl


class _KeySet(BaseModel):
    keys: list[Any]


class OidcProvider:
    """One provider, identified by its issuer URL.

    Documents are fetched in the background, one fetch at a time. What is cached is returned without waiting.
    """

    def __init__(self, address: str, *, fetch_seconds: float = _FETCH_SECONDS) -> None:
        """``fetch_seconds``: timeout of each step of a fetch; a whole fetch may take twice as long."""
        self.address = address
        self._fetch_seconds = fetch_seconds
        self._tls = ssl.create_default_context()  # the system's certificates; httpx has its own
        self._metadata: Metadata | None = None
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs each request as INFO

    async def close(self) -> None:
        """Cancel a fetch in progress."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait((self._fetching,), timeout=1.0)

    def start_fetch(self) -> asyncio.Task[None] | None:
        """Return the fetch in progress, or a new one; None if the last one ended a moment ago."""
        if self._fetching is None or self._fetching.done():
            now = asyncio.get_running_loop().time()
            if now - self._tried_at < _RETRY_SECONDS:
                return None
            self._tried_at = now
            self._fetching = asyncio.create_task(self._fetch_documents())
        return self._fetching

    def cached_metadata(self) -> Metadata | None:
        """Return the metadata if it has been fetched; otherwise start a fetch."""
        if self._metadata is None:
            self.start_fetch()
        return self._metadata

    async def metadata(self) -> Metadata | None:
        """Return the metadata; None if it can't be fetched within ``_WAIT_SECONDS``."""
        if self._metadata is None:
            await self._refresh()
        return self._metadata

    async def key(self, key_id: str | None) -> PyJWK:
        """Return the key with that id; without an id, the only key. A cached key is returned at once.

        Raises:
            FaultError: ``token_invalid`` if there is no such key, ``unavailable`` if that is not known yet.
        """
        known = self._keys.get(key_id)
        if known is not None:
            if asyncio.get_running_loop().time() - self._fetched_at > _KEYS_TTL_SECONDS:
                self.start_fetch()
            return known
        ended = await self._refresh()
        if key_id in self._keys:
            return self._keys[key_id]
        if not self._keys or not ended:
            raise _unavailable()
        raise refuse(ErrorCode.TOKEN_INVALID, "the OpenID provider has no key for this token")

    async def refresh_keys(self) -> bool:
        """Fetch the keys again unless they were fetched a moment ago. Returns whether it succeeded."""
        before = self._fetched_at
        await self._refresh()
        return self._fetched_at != before

    async def _refresh(self) -> bool:
        """Wait for a fetch, but not long. Returns False if it is still in progress."""
        fetch = self.start_fetch()
        if fetch is None:
            return True
        done, _ = await asyncio.wait((fetch,), timeout=_WAIT_SECONDS)
        return bool(done)

    async def _fetch_documents(self) -> None:
        """Fetch metadata and keys. On failure the cached ones stay."""
        try:
            metadata = await self._discover()
            keys = _keys_in(await self._fetch(metadata.jwks_uri))
        except (httpx.HTTPError, httpx.InvalidURL, PyJWTError, OSError, TypeError, ValueError) as error:
            log.warning("OpenID provider %s: %s", self.address, describe(error))
            return
        self._metadata, self._keys = metadata, keys
        self._fetched_at = asyncio.get_running_loop().time()

    async def _discover(self) -> Metadata:
        document = await self._fetch(self.address.rstrip("/") + "/.well-known/openid-configuration")
        metadata = decode_lenient(contract_of(Metadata), document, _MAX_BYTES)
        if metadata.issuer != self.address:
            raise ValueError(f"its metadata names the issuer {metadata.issuer!r}")
        return metadata

    async def _fetch(self, address: str) -> bytes:
        """Fetch a document, with limits of time and size.

        Follows redirects itself: httpx would also follow those to insecure addresses, and read their bodies
        without a limit.
        """
        client = httpx.AsyncClient(verify=self._tls, timeout=self._fetch_seconds, headers=_HEADERS)
        async with asyncio.timeout(2 * self._fetch_seconds), client:
            for _ in range(1 + _MAX_REDIRECTS):
                async with client.stream("GET", require_secure_url(address)) as response:
                    if response.next_request is None:
                        return await _body_of(response.raise_for_status())
                    address = str(response.next_request.url)
        raise ValueError(f"too many redirects, the last to {address!r}")


async def _body_of(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise ValueError(f"{response.url}: the response is too large")
    return body


def _keys_in(document: bytes) -> dict[str | None, PyJWK]:
    """The keys for signatures by their ids; an only key also by None."""
    found = PyJWKSet(decode_lenient(contract_of(_KeySet), document, _MAX_BYTES).keys).keys
    keys = {key.key_id: key for key in found if key.public_key_use in {None, "sig"}}
    if len(keys) == 1:
        keys[None] = next(iter(keys.values()))
    return keys


def _unavailable() -> FaultError:
    return refuse(ErrorCode.UNAVAILABLE, "the OpenID provider is unavailable; try again")
