"""Where a request or socket comes from, as far as it can be believed."""

import ipaddress
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from opsroom_contracts.addresses import site_of
from opsroom_gateway.edge.origins import is_here

_KEY: Final = "opsroom.caller"
_FORWARDED: Final = frozenset({b"x-forwarded-for", b"forwarded", b"x-real-ip"})
LOOPBACK: Final = ("127.0.0.0/8", "::1")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """``address``: as text. ``site``: what limits and bans go by. ``exempt``: limits do not apply.

    ``near``: on this very machine, and speaking for itself: no page from elsewhere, and no other machine.
    """

    address: str
    site: str
    exempt: bool
    near: bool


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks (``10.0.0.0/8``).

    Raises:
        ValueError: one of them is none.
    """
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def within(address: str, among: tuple[Network, ...]) -> bool:
    """Whether ``address`` lies in one of the networks."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in among)


class Callers:
    """Writes down who calls, for all that stands behind it."""

    def __init__(self, app: ASGIApp, exempt: tuple[Network, ...], *, behind_proxy: bool) -> None:
        self._app = app
        self._exempt = exempt
        self._behind_proxy = behind_proxy
        self._loopback = networks(LOOPBACK)
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] in {"http", "websocket"}:
            scope[_KEY] = self._caller(scope)
        await self._app(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller:
        address = str(scope["client"][0]) if scope.get("client") else ""
        exempt = within(address, self._exempt)
        near = within(address, self._loopback) and self._speaks_for_itself(Headers(scope=scope))
        forwarded = any(name in _FORWARDED for name, _ in scope["headers"])
        if (exempt or near) and not self._behind_proxy and forwarded:
            # Somebody else's request, passed on by a proxy on this machine that we were not told of.
            exempt = near = False
            if not self._warned:
                self._warned = True
                log.warning("%s passes on requests of others: name it in GATEWAY_TRUSTED_PROXIES", address)
        return Caller(address, site_of(address), exempt, near)

    def _speaks_for_itself(self, headers: Headers) -> bool:
        """Whether nothing says that a browser on this machine asks for somebody else's page.

        A page from elsewhere says so by its origin. One whose own name was made to lead here (DNS rebinding)
        is from here, as far as its browser can tell; but it calls this machine by that name.
        """
        host, origin = headers.get("host", ""), headers.get("origin")
        try:
            called = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        named = called == "localhost" or within(called, self._loopback)
        return named and (origin is None or is_here(origin, host))


def caller_of(connection: HTTPConnection) -> Caller:
    """Who calls."""
    return caller_in(connection.scope)


def caller_in(scope: Scope) -> Caller:
    """Who calls, from the connection's scope."""
    caller: Caller = scope[_KEY]
    return caller
