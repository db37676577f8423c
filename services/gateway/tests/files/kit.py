"""People who upload and download files over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from services.gateway.tests.kit.api_clients import Person, person
from services.gateway.tests.kit.portal import Address
from services.gateway.tests.kit.rooms import RoomUser


class Sharer:
    """A user with a socket. ``http``: their requests."""

    def __init__(self, socket: Person, http: RoomUser) -> None:
        self.socket = socket
        self.http = http

    @property
    def user_id(self) -> str:
        """The user's id."""
        found: str = self.socket.welcome["user"]["id"]
        return found

    async def post(self, content: Any, *, key: str | None = None, **query: str) -> httpx.Response:
        """Upload ``content``."""
        params = {"room": "general", "name": "a.txt", **query}
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.http.request("POST", "/files", params=params, content=content, headers=headers)

    async def upload(self, content: bytes, **query: str) -> dict[str, Any]:
        """Upload ``content``; return what the portal says of it."""
        response = await self.post(content, **query)
        assert response.status_code == 201, response.text
        found: dict[str, Any] = response.json()
        return found

    async def share(self, content: bytes, **query: str) -> str:
        """Upload ``content`` and send a message with it; return the file's id."""
        uploaded = await self.upload(content, **query)
        reply = await self.socket.request(
            "send", text="", room=query.get("room", "general"), files=[uploaded["id"]]
        )
        assert reply["type"] == "ack", reply
        file_id: str = uploaded["id"]
        return file_id

    async def get(self, file_id: str, method: str = "GET", **headers: str) -> httpx.Response:
        """Download a file."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, f"/files/{file_id}", headers=named)


@asynccontextmanager
async def sharer(address: Address) -> AsyncIterator[Sharer]:
    """Open the socket of a new user."""
    async with person(address) as opened:
        yield Sharer(opened, RoomUser.of(address, opened))
