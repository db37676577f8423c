"""A person who uses rooms over HTTP."""

from dataclasses import dataclass
from typing import Any

import httpx

from services.gateway.tests.kit.api_clients import Person
from services.gateway.tests.kit.portal import Address


@dataclass(frozen=True, slots=True)
class RoomUser:
    """A registered user. ``user_id``: their id."""

    address: Address
    token: str

    @classmethod
    def of(cls, address: Address, person: Person) -> "RoomUser":
        """Return the user of a socket."""
        return cls(address, person.token)

    async def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request to a path below ``/api/v1/chat``."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        async with self.address.requests() as client:
            return await client.request(method, f"/api/v1/chat{path}", headers=headers, **more)

    async def create(self, name: str, **more: Any) -> str:
        """Create a room and return its id."""
        response = await self.request("POST", "/rooms", json={"name": name, **more})
        assert response.status_code == 201, response.text
        room: str = response.json()["id"]
        return room

    async def act(self, path: str, json: object = None, method: str = "POST") -> None:
        """Send a request that has no reply."""
        response = await self.request(method, path, json=json)
        assert response.status_code == 204, response.text

    async def texts(self, room: str) -> list[str] | str:
        """Return the texts of a room's history, or the code of the error."""
        response = await self.request("GET", f"/rooms/{room}/messages")
        if response.status_code != 200:
            code: str = response.json()["code"]
            return code
        return [message["text"] for message in response.json()["messages"]]
