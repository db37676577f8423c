"""HEAD wherever there is GET, and ``Allow`` in the refusal of other methods; with the page mounted."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.gateway.tests.kit.portal import Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

_ENDLESS = ("/events", "/sse", "/sse/")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with a page."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html>", encoding="utf-8")
    settings = gateway_settings(frontend=str(folder))
    async with serving(portal.url, settings) as address, address.requests() as client:
        yield client


async def respond(http: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    """Return a response, of an endless stream only its head."""
    if method == "GET" and path.endswith(_ENDLESS):
        async with http.stream(method, path) as response:
            return response
    return await http.request(method, path)


async def documented(http: httpx.AsyncClient) -> dict[str, list[str]]:
    """Return the methods of each path of the OpenAPI document, and of two more."""
    document: dict[str, Any] = (await http.get("/openapi.json")).json()
    paths = {re.sub(r"\{\w+\}", "x", path): [*methods] for path, methods in document["paths"].items()}
    return {path: sorted(name.upper() for name in names) for path, names in paths.items()} | {
        "/openapi.json": ["GET"],
        "/": ["GET"],
    }


async def test_head_is_served_wherever_get_is(http: httpx.AsyncClient) -> None:
    paths = await documented(http)
    assert len(paths) > 15
    for path in (*paths, "/cloud", "/cloud/", "/cloud/sse", "/cloud/sse/", "/chat/", "/missing"):
        get, head = await respond(http, "GET", path), await respond(http, "HEAD", path)
        assert head.status_code == get.status_code, path
        assert head.headers.get("content-type") == get.headers.get("content-type"), path
        assert head.headers.get("allow") == get.headers.get("allow"), path
        if not path.endswith(_ENDLESS):
            assert head.content == b""
            assert "content-length" in head.headers


async def test_a_refused_method_names_those_of_the_path(http: httpx.AsyncClient) -> None:
    for path, methods in (await documented(http)).items():
        expected = ", ".join(sorted({*methods, "HEAD"} if "GET" in methods else methods))
        for method in {"GET", "PUT", "PATCH", "OPTIONS", "PROPFIND"} - set(methods):
            response = await respond(http, method, path)
            assert (response.status_code, response.headers["Allow"]) == (405, expected), (method, path)
            assert response.json()["code"] == "method_not_allowed"


async def test_a_path_without_anything_has_no_methods(http: httpx.AsyncClient) -> None:
    for method in ("GET", "PUT", "OPTIONS"):
        assert (await http.request(method, "/missing")).json()["code"] == "not_found"


@pytest.mark.parametrize("path", ["/chat/new-user", "/cloud/", "/cloud/x", "/cloud/sse"])
async def test_the_course_contract_has_its_own_error_for_other_methods(
    http: httpx.AsyncClient, path: str
) -> None:
    for method in ("PUT", "PROPFIND"):
        response = await http.request(method, path)
        assert response.status_code == 404
        assert method in response.json()["message"]
