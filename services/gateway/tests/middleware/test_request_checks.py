"""The checks of every API: they count connections together, and reject in the format of each API."""

import asyncio

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsroom_contracts.errors import Fault
from opsroom_gateway.middleware.client_address import ClientAddressMiddleware
from opsroom_gateway.middleware.error_response import ErrorFormatMiddleware
from opsroom_gateway.middleware.mounts import MountMiddleware, Mounts
from opsroom_gateway.middleware.request_checks import RequestChecks
from opsroom_gateway.middleware.request_limits import AddressConnections, BodyLimits
from opsroom_gateway.middleware.trusted_proxies import parse_proxies

LIMIT = 2
PATIENCE_SECONDS = 20.0


class SlowApp:
    """Responds once ``released`` is set."""

    def __init__(self) -> None:
        self.started = asyncio.Semaphore(0)
        self.released = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, and respond."""
        self.started.release()
        await self.released.wait()
        await PlainTextResponse("done")(scope, receive, send)


def plain_error(fault: Fault) -> PlainTextResponse:
    return PlainTextResponse(f"refused: {fault.code}", 400)


def two_apis(app: ASGIApp) -> ASGIApp:
    """Return ``app`` twice, at ``/`` and with another error format at ``/old``, behind the same checks."""
    checks = RequestChecks((), AddressConnections(LIMIT), BodyLimits(10, 4, 10.0))
    old = ErrorFormatMiddleware(checks.protect(app), plain_error)
    both = MountMiddleware(checks.protect(app), Mounts({"/old": old}))
    return ClientAddressMiddleware(both, exempt=(), proxies=parse_proxies(()))


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host")


async def test_the_connections_of_an_address_are_counted_over_all_apis() -> None:
    slow = SlowApp()
    async with client_of(two_apis(slow)) as client:
        pending = [asyncio.create_task(client.get(path)) for path in ("/new", "/old/x")]
        for _ in pending:
            await slow.started.acquire()
        async with asyncio.timeout(PATIENCE_SECONDS):
            refused, refused_by_old = await client.get("/new"), await client.get("/old/x")
        slow.released.set()
        assert [(await one).status_code for one in pending] == [200, 200]
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert (refused_by_old.status_code, refused_by_old.text) == (400, "refused: rate_limited")
        assert (await client.get("/new")).text == (await client.get("/old/x")).text == "done"


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"2")]], ids=["no body", "a body"])
@pytest.mark.parametrize("path", ["/new", "/old/x"])
async def test_a_request_whose_client_is_gone_reaches_no_application(
    path: str, headers: list[tuple[bytes, bytes]]
) -> None:
    called: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        called.append(scope["path"])
        await Request(scope, receive, send).body()

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "client": ("192.0.2.1", 1)}
    await two_apis(app)(scope, gone, send)
    assert called == []


async def test_each_api_rejects_a_body_and_an_origin_in_its_own_format() -> None:
    slow = SlowApp()
    slow.released.set()
    elsewhere = {"Origin": "https://elsewhere.example"}
    async with client_of(two_apis(slow)) as client:
        assert (await client.post("/new", content=b"x" * 11)).json()["code"] == "payload_too_large"
        assert (await client.post("/old/x", content=b"x" * 11)).text == "refused: payload_too_large"
        assert (await client.get("/new", headers=elsewhere)).json()["code"] == "origin_refused"
        assert (await client.get("/old/x", headers=elsewhere)).text == "refused: origin_refused"
