"""Dispatch by path prefix: which application gets a request, and what it sees."""

import json
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsroom_gateway.middleware.mounts import MountMiddleware, Mounts


def named(name: str) -> ASGIApp:
    """Return an application that responds with its name and the paths that it sees."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen = {"app": name, "path": scope["path"], "root_path": scope.get("root_path", "")}
        await JSONResponse(seen)(scope, receive, send)

    return app


@pytest.fixture
def whole() -> ASGIApp:
    """An application with a mount."""
    return MountMiddleware(named("outside"), Mounts({"/chat": named("mounted")}))


@pytest.mark.parametrize(
    "path", ["/chat", "/chat/", "/chat/new-user", "/chat//ws", "/chat/api/v1", "/Chat/x"]
)
async def test_a_path_below_the_mount_is_its_applications(whole: ASGIApp, path: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(whole), base_url="http://host") as client:
        seen = (await client.get(path)).json()
    assert seen == {"app": "mounted", "path": path, "root_path": path[:5]}


@pytest.mark.parametrize("path", ["/", "/api/v1/chat/ws", "/chats", "/chats/x", "//chat/x"])
async def test_every_other_path_is_not(whole: ASGIApp, path: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(whole), base_url="http://host") as client:
        seen = (await client.get(f"http://host{path}")).json()
    assert seen == {"app": "outside", "path": path, "root_path": ""}


@pytest.mark.parametrize(
    "scope", [{"type": "lifespan"}, {"type": "http", "path": "*"}, {"type": "http", "path": ""}]
)
async def test_a_scope_without_a_usual_path_is_passed_on_unchanged(scope: Scope) -> None:
    passed: list[Scope] = []

    async def outside(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope)

    async def nothing(*_: object) -> Any:
        raise AssertionError

    await MountMiddleware(outside, Mounts({"/chat": named("mounted")}))(scope, nothing, nothing)
    assert passed == [scope]


@pytest.mark.parametrize(("port", "app"), [(3000, "port"), (80, "mounted"), (None, "mounted")])
async def test_all_paths_of_a_port_are_its_applications(port: int | None, app: str) -> None:
    whole = MountMiddleware(named("outside"), Mounts({"/chat": named("mounted")}, {3000: named("port")}))
    seen: list[Any] = []

    async def send(message: Message) -> None:
        seen.append(message.get("body"))

    async def nothing() -> Any:
        raise AssertionError

    server = None if port is None else ("127.0.0.1", port)
    scope: Scope = {"type": "http", "path": "/chat/x", "method": "GET", "headers": [], "server": server}
    await whole(scope, nothing, send)
    assert json.loads(seen[-1])["app"] == app
