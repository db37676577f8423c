"""Requests to addresses that others name, with limits of addresses, time and size."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from socket import SOCK_STREAM
from typing import Final

import httpcore

from opsroom_runtime.outbound.addresses import is_public

_CONNECTIONS: Final = 32
_IDLE_CONNECTIONS: Final = 8
_IDLE_SECONDS: Final = 30.0
_STEP_SECONDS: Final = 5.0
"""Each step of a request takes this long at most: the look-up, the connection, writing, waiting."""
_ALL_SECONDS: Final = 15.0
_ADDRESSES_MAX: Final = 4
"""How many addresses of a host are tried."""
_DIGITS_MAX: Final = 9
_BODY_MAX: Final = 16 * 1024
"""A longer response closes its connection."""
_BODY_SECONDS: Final = 2.0
"""A response that takes longer after its status closes its connection, too."""
_SocketOptions = Iterable[
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a server answered. ``retry_after``: seconds, if it said so."""

    status: int
    retry_after: float | None = None


class NotSentError(Exception):
    """The request did not reach the server, so it may be repeated."""


class UncertainError(Exception):
    """The server may have got the request."""


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only. The address that was checked is the one that is connected to."""

    def __init__(self, *, allow_private: bool) -> None:
        self._network = httpcore.AnyIOBackend()
        self._allow_private = allow_private

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _SocketOptions | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Look ``host`` up and connect.

        Raises:
            httpcore.ConnectError: there is no address, one of them is not public, or none responds.
        """
        addresses = await self._resolve(host, port)
        if not self._allow_private and not all(map(is_public, addresses)):
            raise httpcore.ConnectError(f"{host} is in a private network")
        for number, address in enumerate(addresses, start=1):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)

    async def _resolve(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_STEP_SECONDS):
                found = await loop.getaddrinfo(host, port, type=SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        return list(dict.fromkeys(str(address[0]) for *_, address in found))[:_ADDRESSES_MAX]


class OutboundClient:
    """Sends requests. It follows no redirects."""

    def __init__(self, pool: httpcore.AsyncConnectionPool, seconds: float) -> None:
        self._pool = pool
        self._seconds = seconds

    async def post(self, address: str, headers: Mapping[str | bytes, str | bytes], body: bytes) -> Outcome:
        """Post ``body``. The response is thrown away, and only its status counts.

        Raises:
            NotSentError: the connection failed before anything was sent, or the address is not allowed.
            UncertainError: it failed later.
        """
        steps = dict.fromkeys(("connect", "read", "write", "pool"), min(_STEP_SECONDS, self._seconds))
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._pool.stream(
                    "POST", address, headers=headers, content=body, extensions={"timeout": steps}
                ) as response,
            ):
                await _drop_body(response)
                return Outcome(response.status, _retry_after(response.headers))
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
            raise NotSentError(str(error) or type(error).__name__) from error
        except (httpcore.UnsupportedProtocol, httpcore.LocalProtocolError) as error:
            raise NotSentError(str(error)) from error
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            OSError,
            TimeoutError,
        ) as error:
            raise UncertainError(str(error) or type(error).__name__) from error


@asynccontextmanager
async def outbound_client(
    *, allow_private: bool, seconds: float = _ALL_SECONDS
) -> AsyncIterator[OutboundClient]:
    """Open a client; its connections are closed at the end. ``seconds``: how long a request takes at most."""
    async with httpcore.AsyncConnectionPool(
        ssl_context=ssl.create_default_context(),
        max_connections=_CONNECTIONS,
        max_keepalive_connections=_IDLE_CONNECTIONS,
        keepalive_expiry=_IDLE_SECONDS,
        network_backend=CheckedNetwork(allow_private=allow_private),
    ) as pool:
        yield OutboundClient(pool, seconds)


async def _drop_body(response: httpcore.Response) -> None:
    """Read a short body, so that the connection can be used again. What is wrong
    with it does not matter: the status is known."""
    size = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in response.aiter_stream():
                size += len(chunk)
                if size > _BODY_MAX:
                    return
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError, TimeoutError):
        return


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    value = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    if value.isdigit():
        return float(value) if len(value) <= _DIGITS_MAX else None
    try:
        moment = parsedate_to_datetime(value.decode("ascii"))
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
