"""The path below which the gateway is published: removed from requests, added to redirects."""

import pytest
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from opsroom_gateway.middleware.root_path import RootPathMiddleware
from opsroom_gateway.settings import GatewaySettings
from opsroom_testkit.raw_connection import open_raw
from services.gateway.tests.kit.app_server import serving_app


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Redirect to the query, or return the path."""
    request = Request(scope)
    target = request.query_params.get("to")
    paths = {"path": scope["path"], "raw": scope["raw_path"].decode()}
    response: Response = JSONResponse(paths) if target is None else RedirectResponse(target)
    await response(scope, receive, send)


async def head_and_body(prefix: str, target: str) -> tuple[str, str]:
    """Return the head and the body of the response to a request for ``target``."""
    async with serving_app(RootPathMiddleware(app, prefix)) as server:
        request = f"GET {target} HTTP/1.1\r\nHost: a.example:1\r\nConnection: close\r\n\r\n"
        connection = await open_raw(server.port, request.encode())
        body = await connection.read_all()
        connection.close()
        return connection.head.decode(), body.decode()


@pytest.mark.parametrize(
    ("prefix", "target", "expected"),
    [
        ("", "/a", "/a"),
        ("/opsroom", "/a", "/a"),
        ("/opsroom", "/opsroom/a", "/a"),
        ("/opsroom", "/opsroom/", "/"),
        ("/opsroom", "/opsrooms", "/opsrooms"),
        ("/opsroom", "/opsroom/opsroom/a", "/opsroom/a"),
        ("/tools/opsroom", "/tools/opsroom/a%20b", "/a%20b"),
    ],
)
async def test_the_prefix_is_removed_if_a_path_has_it(prefix: str, target: str, expected: str) -> None:
    _, body = await head_and_body(prefix, target)
    assert f'"raw":"{expected}"' in body
    assert f'"path":"{expected.replace("%20", " ")}"' in body


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/opsroom", "/opsroom/"),
        ("/opsroom?x=1", "/opsroom/?x=1"),
        ("/opsroom/a?to=/b", "/opsroom/b"),
        ("/a?to=http://a.example:1/b%3Fc", "http://a.example:1/opsroom/b?c"),
        ("/a?to=http://b.example/b", "http://b.example/b"),
        ("/a?to=b", "b"),
    ],
)
async def test_redirects_lead_to_published_addresses(target: str, location: str) -> None:
    head, _ = await head_and_body("/opsroom", target)
    assert f"\r\nlocation: {location}\r\n" in f"{head}\r\n"


@pytest.mark.parametrize(("text", "prefix"), [("/", ""), ("/a/", "/a"), ("/a/b-1_.~", "/a/b-1_.~")])
def test_a_setting_is_normalized(text: str, prefix: str) -> None:
    assert GatewaySettings(root_path=text).root_path == prefix


@pytest.mark.parametrize("text", ["a", "/a b", "//a", "/../a", "/a/.", "http://a/", "/a?b", "/ä"])
def test_a_setting_that_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="must be a path such as"):
        GatewaySettings(root_path=text)
