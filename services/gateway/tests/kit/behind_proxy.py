"""Two gateways behind a proxy with an admin, and clients from any address."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect

from opsroom_contracts.identity import Role
from services.gateway.tests.kit.api_clients import PATIENCE_SECONDS, Person, close_code
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.token_mode import USERS, Tokens, token_mode_gateway

CHAT = "/api/v1/chat"
BANNED = 4004
PROXY = {"trusted_proxies": ("127.0.0.1",), "course": True, "exempt_addresses": ()}


@dataclass(frozen=True, slots=True)
class TwoGateways:
    """Two gateways behind a proxy, and the static tokens."""

    first: Address
    second: Address
    tokens: Tokens

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[httpx.AsyncClient]:
        """Open an HTTP client of an admin with a separate address."""
        headers = self.tokens.header(Role.ADMIN) | forwarded_for("192.0.2.1")
        async with httpx.AsyncClient(base_url=self.first.http, headers=headers, timeout=15) as client:
            yield client


@asynccontextmanager
async def two_behind_a_proxy(portal: Portal, tokens: Tokens) -> AsyncIterator[TwoGateways]:
    """Run both gateways."""
    async with (
        token_mode_gateway(portal, tokens, **PROXY) as first,
        token_mode_gateway(portal, tokens, **PROXY) as second,
    ):
        yield TwoGateways(first, second, tokens)


def forwarded_for(address: str) -> dict[str, str]:
    """Return the header by which the proxy forwards a client's address."""
    return {"X-Forwarded-For": address}


def unique_name(what: str) -> str:
    """Return a name that no other test uses."""
    return f"{what}-{uuid4().hex[:8]}"


async def registered(at: Address, name: str, address: str = "198.51.100.1") -> str:
    """Register a user. Returns the token."""
    async with at.requests() as client:
        response = await client.post(USERS, json={"name": name}, headers=forwarded_for(address))
    assert response.status_code == 201, response.text
    token: str = response.json()["token"]
    return token


@asynccontextmanager
async def socket_from(at: Address, path: str, address: str) -> AsyncIterator[ClientConnection]:
    """Open a socket from ``address``."""
    headers = forwarded_for(address)
    async with connect(at.ws + path, additional_headers=headers, compression=None, max_queue=None) as socket:
        yield socket


@asynccontextmanager
async def person_from(
    at: Address, token: str, address: str = "198.51.100.1", since: int | None = None
) -> AsyncIterator[Person]:
    """Open a socket from ``address``, send a hello, and wait for the welcome."""
    async with socket_from(at, CHAT + "/ws", address) as socket:
        hello = {"type": "hello", "token": token} | ({} if since is None else {"since": since})
        await socket.send(json.dumps(hello))
        async with asyncio.timeout(PATIENCE_SECONDS):
            welcome = json.loads(await socket.recv())
        assert welcome["type"] == "welcome", welcome
        yield Person(socket, token, welcome)


async def refused_hello(at: Address, token: str, address: str = "198.51.100.1") -> tuple[dict[str, Any], int]:
    """Send a hello that is rejected. Returns the error and the close code."""
    async with socket_from(at, CHAT + "/ws", address) as socket:
        await socket.send(json.dumps({"type": "hello", "token": token}))
        async with asyncio.timeout(PATIENCE_SECONDS):
            error = json.loads(await socket.recv())
        return error, await close_code(socket)
