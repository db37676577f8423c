"""Where a request or socket comes from, as far as it can be believed."""

import logging
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from opsroom_contracts.addresses import site_of
from opsroom_gateway.domain.networks import LOOPBACK, Network, in_networks, parse_address, parse_networks
from opsroom_gateway.middleware.origin_check import is_same_origin
from opsroom_gateway.middleware.trusted_proxies import TrustedProxies, is_forwarded

_SCOPE_KEY: Final = "opsroom.caller"
_SCHEMES: Final = {"http": False, "https": True, "ws": False, "wss": True}
"""What proxies call a scheme, and whether it is one with TLS."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Client:
    """``address``: as text. ``network``: what limits and bans go by. ``exempt``: limits do not apply.

    ``local``: on this very machine, and speaking for itself: no page from elsewhere, and no other machine.
    """

    address: str
    network: str
    exempt: bool
    local: bool


class ClientAddressMiddleware:
    """Writes down who calls, for all that stands behind it."""

    def __init__(self, app: ASGIApp, exempt: tuple[Network, ...], proxies: TrustedProxies) -> None:
        self._app = app
        self._exempt = exempt
        self._proxies = proxies
        self._loopback = parse_networks(LOOPBACK)
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] in {"http", "websocket"}:
            scope[_SCOPE_KEY] = self._identify(scope, Headers(scope=scope))
        await self._app(scope, receive, send)

    def _identify(self, scope: Scope, headers: Headers) -> Client:
        peer = str(scope["client"][0]) if scope.get("client") else ""
        if in_networks(peer, self._proxies.peers):
            _apply_forwarded_scheme(scope, headers)
            return self._behind_proxy(peer, headers)
        if is_forwarded(headers):
            # Somebody else's request, passed on by a proxy that was not named: no limit is lifted for it.
            self._warn_about_proxy(peer)
            return Client(peer, site_of(peer), exempt=False, local=False)
        return self._direct(peer, headers)

    def _behind_proxy(self, peer: str, headers: Headers) -> Client:
        if not is_forwarded(headers):
            return self._direct(peer, headers)
        address = self._proxies.client_address(peer, headers)
        exempt = address is not None and in_networks(address, self._exempt)
        return Client(address or peer, site_of(address or peer), exempt, local=False)

    def _direct(self, peer: str, headers: Headers) -> Client:
        local = in_networks(peer, self._loopback) and self._is_local_request(headers)
        return Client(peer, site_of(peer), in_networks(peer, self._exempt), local)

    def _warn_about_proxy(self, peer: str) -> None:
        """Say once that a proxy was not named. From afar, anybody may have written the header."""
        address = parse_address(peer)
        if self._warned or address is None or address.is_global:
            return
        self._warned = True
        log.warning(
            "%s passes on requests of others, who all count as one: name it, or its host, in"
            " GATEWAY_TRUSTED_PROXIES",
            peer,
        )

    def _is_local_request(self, headers: Headers) -> bool:
        """Whether nothing says that a browser on this machine asks for somebody else's page.

        A page from elsewhere says so by its origin. One whose own name was made to lead here (DNS rebinding)
        is from here, as far as its browser can tell; but it calls this machine by that name.
        """
        host, origin = headers.get("host", ""), headers.get("origin")
        try:
            called = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        named = called == "localhost" or in_networks(called, self._loopback)
        return named and (origin is None or is_same_origin(origin, host))


def _apply_forwarded_scheme(scope: Scope, headers: Headers) -> None:
    """Take the scheme from the proxy, which may speak TLS for us."""
    secure = _SCHEMES.get(headers.get("x-forwarded-proto", "").strip())
    if secure is not None:
        scope["scheme"] = ("http" if scope["type"] == "http" else "ws") + ("s" if secure else "")


def client_of(connection: HTTPConnection) -> Client:
    """Who calls."""
    return client_in(connection.scope)


def client_in(scope: Scope) -> Client:
    """Who calls, from the connection's scope."""
    client: Client = scope[_SCOPE_KEY]
    return client
