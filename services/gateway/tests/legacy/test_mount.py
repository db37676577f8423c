"""A mount as course clients see it, also where a request is rejected before it reaches a route."""

import json

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from opsroom_gateway.legacy.mount import ErrorModel, chat_error, cloud_error, mounted
from opsroom_gateway.middleware.client_address import ClientAddressMiddleware
from opsroom_gateway.middleware.mounts import MountMiddleware, Mounts
from opsroom_gateway.middleware.request_checks import RequestChecks
from opsroom_gateway.middleware.request_limits import AddressConnections, BodyLimits
from opsroom_gateway.middleware.trusted_proxies import parse_proxies

PAGE = {"Origin": "https://page.example"}


async def path_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond with the path."""
    await PlainTextResponse(Request(scope).url.path)(scope, receive, send)


def client_of(error: ErrorModel, origins: tuple[str, ...] = ("*",)) -> httpx.AsyncClient:
    """Return a client of a mount at ``/old``."""
    checks = RequestChecks(origins, AddressConnections(0), BodyLimits(10, 4, 10.0))
    whole: ASGIApp = MountMiddleware(path_app, Mounts({"/old": mounted(path_app, checks, error)}))
    whole = ClientAddressMiddleware(whole, exempt=(), proxies=parse_proxies(()))
    return httpx.AsyncClient(transport=httpx.ASGITransport(whole), base_url="http://host")


@pytest.mark.parametrize(
    ("path", "seen"), [("/old", "/old/"), ("/old/", "/old/"), ("/old/x", "/old/x"), ("/OLD", "/OLD/")]
)
async def test_the_bare_path_of_a_mount_is_its_root(path: str, seen: str) -> None:
    async with client_of(chat_error) as client:
        assert (await client.get(path)).text == seen


@pytest.mark.parametrize(
    ("error", "extra"), [(chat_error, {"status": "error"}), (cloud_error, {})], ids=["chat", "dashboard"]
)
async def test_a_page_can_read_why_its_request_was_rejected(error: ErrorModel, extra: dict[str, str]) -> None:
    async with client_of(error) as client:
        response = await client.post("/old/x", content=b"x" * 11, headers=PAGE)
    assert (response.status_code, response.headers["Content-Type"]) == (400, "application/json")
    assert json.loads(response.content) == extra | {"message": "the body has more than 10 bytes"}
    assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_the_page_of_another_origin_is_rejected_in_the_mounts_format() -> None:
    async with client_of(chat_error, ("https://desk.example",)) as client:
        response = await client.get("/old/x", headers=PAGE)
    assert (response.status_code, response.json()["status"]) == (403, "error")
    assert "Access-Control-Allow-Origin" not in response.headers
