"""Client addresses: from the connection, or from the headers of a trusted proxy."""

import logging
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from opsroom_contracts.addresses import network_of
from opsroom_gateway.domain.networks import LOOPBACK, Network, in_networks, parse_address, parse_networks
from opsroom_gateway.middleware.origin_check import is_same_origin
from opsroom_gateway.middleware.trusted_proxies import TrustedProxies, is_forwarded

_SCOPE_KEY: Final = "opsroom.caller"
_SCHEMES: Final = {"http": False, "https": True, "ws": False, "wss": True}
"""Values of ``X-Forwarded-Proto``, and whether each means TLS."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Client:
    """A client. ``network``: the key of limits and bans. ``exempt``: limits don't apply.

    ``local``: on this machine itself, not a page from another site and not another machine behind a proxy.
    ``proxied``: behind a trusted proxy.
    """

    address: str
    network: str
    exempt: bool
    local: bool
    proxied: bool = False


class ClientAddressMiddleware:
    """Puts the ``Client`` of each request and socket into its scope."""

    def __init__(self, app: ASGIApp, exempt: tuple[Network, ...], proxies: TrustedProxies) -> None:
        self._app = app
        self._exempt = exempt
        self._proxies = proxies
        self._loopback = parse_networks(LOOPBACK)
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Identify the client, and call the application."""
        if scope["type"] in {"http", "websocket"}:
            scope[_SCOPE_KEY] = self._identify(scope, Headers(scope=scope))
        await self._app(scope, receive, send)

    def _identify(self, scope: Scope, headers: Headers) -> Client:
        peer = str(scope["client"][0]) if scope.get("client") else ""
        if in_networks(peer, self._proxies.peers):
            _apply_forwarded_scheme(scope, headers)
            return self._behind_proxy(peer, headers)
        if is_forwarded(headers):
            # Forwarded by a proxy that is not trusted: neither exempt nor local.
            self._warn_about_proxy(peer)
            return Client(peer, network_of(peer), exempt=False, local=False)
        return self._direct(peer, headers)

    def _behind_proxy(self, peer: str, headers: Headers) -> Client:
        if not is_forwarded(headers):
            return self._direct(peer, headers)
        address = self._proxies.client_address(peer, headers)
        exempt = address is not None and in_networks(address, self._exempt)
        return Client(address or peer, network_of(address or peer), exempt, local=False, proxied=True)

    def _direct(self, peer: str, headers: Headers) -> Client:
        local = in_networks(peer, self._loopback) and self._is_local_request(headers)
        return Client(peer, network_of(peer), in_networks(peer, self._exempt), local)

    def _warn_about_proxy(self, peer: str) -> None:
        """Warn once about an unknown proxy. A public address is ignored: any client can send the header."""
        address = parse_address(peer)
        if self._warned or address is None or address.is_global:
            return
        self._warned = True
        log.warning(
            "%s forwards requests, whose clients all share one limit: add it, or its host, to"
            " GATEWAY_TRUSTED_PROXIES",
            peer,
        )

    def _is_local_request(self, headers: Headers) -> bool:
        """Return whether the headers show no sign of a page from another site.

        Pages from elsewhere have another origin. A page that reaches us by DNS rebinding has our origin, but
        its ``Host`` is its own name, not ours.
        """
        host, origin = headers.get("host", ""), headers.get("origin")
        try:
            host_name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        names_us = host_name == "localhost" or in_networks(host_name, self._loopback)
        return names_us and (origin is None or is_same_origin(origin, host))


def _apply_forwarded_scheme(scope: Scope, headers: Headers) -> None:
    """Take the scheme from the proxy, which may terminate TLS."""
    secure = _SCHEMES.get(headers.get("x-forwarded-proto", "").strip())
    if secure is not None:
        scope["scheme"] = ("http" if scope["type"] == "http" else "ws") + ("s" if secure else "")


def client_of(connection: HTTPConnection) -> Client:
    """Return the client of a connection."""
    return client_in(connection.scope)


def client_in(scope: Scope) -> Client:
    """Return the client from a connection's scope."""
    client: Client = scope[_SCOPE_KEY]
    return client
