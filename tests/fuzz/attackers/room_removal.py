"""The removal of a member, who goes on: what begins after the reply to it is refused."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from uuid import uuid4

from opsroom_testkit.waiting import until
from tests.fuzz.attackers.room_people import RoomPerson, marker
from tests.fuzz.cases.room_cases import RoomCase

_REFUSED = frozenset({"room_unknown", "forbidden", "file_unknown"})


class RemovalRace:
    """``acted``: the owner has the reply, and what begins now must be refused."""

    def __init__(self, case: RoomCase, people: list[RoomPerson], room: str) -> None:
        self._case = case
        self._owner, self._member = people[0], people[1]
        self._room = room
        self._path = f"/chat/rooms/{room}"
        self._acted = False
        self._root = self._file = ""
        self._since = 0

    async def run(self) -> None:
        """Remove the member in the middle of what they do, and let them back in at the end."""
        owner, secret = self._owner, f"secret {uuid4().hex}"
        query = {"room": self._room, "name": "a.txt"}
        self._file = (await owner.accepted(0, "POST", "/chat/files", params=query, content=b"x" * 100))["id"]
        body = {"text": "before", "files": [self._file]}
        sent = await owner.accepted(0, "POST", f"{self._path}/messages", json=body)
        self._root, self._since = sent["id"], sent["seq"] - 1
        async with asyncio.TaskGroup() as group:
            for gateway in range(len(owner.clients)):
                group.create_task(self._go_on(gateway))
            await asyncio.sleep(self._case.pause)
            await owner.accepted(1, "DELETE", f"{self._path}/members/{self._member.id}")
            self._acted = True
            await owner.accepted(1, "POST", f"{self._path}/messages", json={"text": secret})
        await self._member.caught_up(await marker(owner))
        shown = {text for socket in self._member.user.sockets for text in socket.shown()}
        assert secret not in shown, "shown after the removal"
        await self._return(secret)

    async def _return(self, secret: str) -> None:
        """Who is invited again sees everything."""
        body = {"users": [self._member.id]}
        await self._owner.accepted(0, "POST", f"{self._path}/invite", json=body)
        for gateway in range(len(self._member.clients)):
            page = await self._member.accepted(gateway, "GET", f"{self._path}/messages?limit=200")
            assert secret in {one["text"] for one in page["messages"]}, "not shown after the invitation"

    async def _go_on(self, gateway: int) -> None:
        attempts: list[Callable[[int], Awaitable[None]]] = [self._write, self._react, self._resume]
        if self._case.private:  # everybody may read a public room
            attempts += [self._read, self._download, self._search]
        left = self._case.after * len(attempts)
        for attempt in itertools.cycle(attempts):
            left -= self._acted
            if left < 0:
                return
            await attempt(gateway)

    async def _tried(self, gateway: int, method: str, path: str, **more: object) -> None:
        after = self._acted
        response = await self._member.request(gateway, method, path, **more)
        refused = response.status_code in {403, 404} and response.json()["code"] in _REFUSED
        assert refused or not after, f"not refused after the removal: {method} {path}: {response.text[:200]}"

    async def _write(self, gateway: int) -> None:
        body = {"text": "still here", "thread": self._root}
        await self._tried(gateway, "POST", f"{self._path}/messages", json=body)

    async def _react(self, gateway: int) -> None:
        path = f"{self._path}/messages/{self._root}/reactions/%F0%9F%91%8D"
        await self._tried(gateway, "PUT", path)
        await self._tried(gateway, "DELETE", path)

    async def _read(self, gateway: int) -> None:
        await self._tried(gateway, "GET", f"{self._path}/messages")
        await self._tried(gateway, "GET", f"{self._path}/messages/{self._root}/thread")
        await self._tried(gateway, "GET", f"{self._path}/pins")

    async def _download(self, gateway: int) -> None:
        await self._tried(gateway, "GET", f"/chat/files/{self._file}", headers={"Range": "bytes=0-9"})

    async def _search(self, gateway: int) -> None:
        after = self._acted
        found = (await self._member.accepted(gateway, "GET", "/search?q=before%20has:file"))["messages"]
        mine = [one for one in found if one["message"]["room"] == self._room]
        assert not mine or not after, "found after the removal"

    async def _resume(self, gateway: int) -> None:
        address = self._member.user.gateways[gateway]
        socket = await self._member.user.open(address, since=self._since)
        await until(lambda: socket.welcomed or socket.closed)
