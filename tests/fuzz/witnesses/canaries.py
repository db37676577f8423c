"""Canaries: ordinary clients during an attack, which must receive everything once and in order."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from opsroom_testkit.waiting import PATIENCE_SECONDS, until
from services.gateway.tests.kit.api_clients import Events, Person, events, person
from services.gateway.tests.kit.course_clients import as_list, course_client
from services.gateway.tests.kit.portal import Address
from tests.fuzz.cases.nats_cases import FORGED
from tests.fuzz.cases.socket_cases import CANARY

_PAGE = 200
_ROOM = "/api/v1/chat/rooms/general/messages"
_INSTANCES = "/api/v1/cloud/instances"

Shown = dict[str, Any]


@dataclass(slots=True)
class Canaries:
    """A client of ``/api/v1``, one of the course chat, and one of the event stream.

    ``waits``: the seconds that each message took until it was stored and received by both.
    """

    address: Address
    http: httpx.AsyncClient
    speaker: Person
    listener: ClientConnection
    dashboard: Events
    waits: list[float] = field(default_factory=list)
    _told: list[Shown] = field(default_factory=list)
    _relayed: list[str | bytes] = field(default_factory=list)
    _answers: list[Shown] = field(default_factory=list)
    _changes: list[Shown] = field(default_factory=list)
    _ended: list[str] = field(default_factory=list)
    _seq: int = 0
    _removed: set[int] = field(default_factory=set)
    """The sequences of removed messages: they are received, but no longer in the history."""
    _mark: str = ""
    _marks_seen: set[str] = field(default_factory=set)

    async def check(self, patience: float) -> list[str]:
        """Send a message, and compare what was received since the last check with what is stored."""
        began = time.monotonic()
        self._mark = mark = uuid4().hex
        self._marks_seen.clear()
        await self.speaker.send({"type": "send", "clientId": mark, "room": "general", "text": mark})
        try:
            await until(lambda: self._ended or (self._answered(mark) and self._saw(mark)), patience)
        except TimeoutError:
            return [f"a canary waited in vain: acknowledged {self._answered(mark)}, shown {self._saw(mark)}"]
        if self._ended:
            return [f"a canary was disconnected: {why}" for why in self._ended]
        self.waits.append(time.monotonic() - began)
        return await self._compare(mark, patience)

    async def serve(self, patience: float) -> list[str]:
        """Create a server and remove it, and wait for the events."""
        answer = await self.http.post(_INSTANCES)
        if answer.status_code != 202:
            return [f"a canary could not create a server: {answer.text}"]
        made = answer.json()["operation"]["instanceId"]
        try:
            await until(lambda: self._happened(made, "created"), patience)
            answer = await self.http.delete(f"{_INSTANCES}/{made}")
            await until(lambda: self._happened(made, "removed"), patience)
        except TimeoutError:
            return [f"the dashboard did not receive the events of {made}: {answer.text}"]
        return []

    async def instance(self, known: str) -> str:
        """Return ``known`` if that server still exists, else a new one."""
        if known and (await self.http.get(_INSTANCES)).text.find(known) >= 0:
            return known
        answer = await self.http.post(_INSTANCES)
        made: str = answer.json()["operation"]["instanceId"]
        await until(lambda: self._happened(made, "created"))
        return made

    async def replayed(self) -> list[str]:
        """Compare the events that the dashboard received with a replay of them."""
        if not self._changes:
            return ["the dashboard received nothing"]
        first, last = self._changes[0]["seq"], self._changes[-1]["seq"]
        again: list[Shown] = []
        async with events(self.address, since=first - 1) as stream:
            while not again or again[-1]["seq"] < last:
                again.append((await stream.next())["data"])
        if again != self._changes[: len(again)]:
            return ["the dashboard received other changes than the replay"]
        return [f"a forged change was received: {one}" for one in again if FORGED in json.dumps(one)]

    def _answered(self, mark: str) -> bool:
        return any(one.get("clientId") == mark and one["type"] == "ack" for one in self._answers)

    def _saw(self, mark: str) -> bool:
        return mark == self._mark and self._marks_seen == {"/api/v1", "/chat"}

    def _happened(self, instance: str, kind: str) -> bool:
        return any(one["instanceId"] == instance and one["type"] == kind for one in self._changes[-5000:])

    async def _compare(self, mark: str, patience: float) -> list[str]:
        told = _until_mark(self._told, lambda one: one["text"] == mark)
        relayed = _until_mark(self._relayed, lambda one: mark in str(one))
        self._answers.clear()
        stored: list[Shown] = []
        while not stored or stored[-1]["seq"] < told[-1]["seq"]:
            after = stored[-1]["seq"] if stored else self._seq
            answer = await self.http.get(_ROOM, params={"after": after, "limit": _PAGE})
            if answer.status_code != 200 or not answer.json()["messages"]:
                return [
                    f"the history ends before what was received: {answer.status_code} {answer.text[:200]}"
                ]
            stored += answer.json()["messages"]
        stored = [one for one in stored if one["seq"] <= told[-1]["seq"]]
        self._seq = told[-1]["seq"]
        missing = {one["seq"] for one in told} - {one["seq"] for one in stored}
        with suppress(TimeoutError):
            await until(lambda: missing <= self._removed, patience)
        shown = [
            {name: value for name, value in one.items() if name != "type"}
            for one in told
            if one["seq"] not in missing & self._removed
        ]
        if shown != stored:
            seqs = [[one["seq"] for one in found] for found in (shown, stored)]
            return [f"received were {seqs[0]}, stored are {seqs[1]}"]
        if len(relayed) != len(told):
            return [f"{len(relayed)} messages were relayed, {len(told)} were received"]
        me = self.speaker.welcome["user"]["id"]
        return [
            f"a message was forged: {one}"
            for one in stored
            if (one["user"]["id"] == me and one["text"] != one["clientId"]) or one["text"] == FORGED
        ]

    async def watch(self) -> None:
        """Read from all three until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear())
            group.create_task(self._listen())
            group.create_task(self._follow())

    async def _hear(self) -> None:
        try:
            while True:
                shown = json.loads(await self.speaker.socket.recv())
                if shown["type"] == "message":
                    self._told.append(shown)
                    if shown["text"] == self._mark:
                        self._marks_seen.add("/api/v1")
                elif shown["type"] == "removed":
                    self._removed.add(shown["messageSeq"])
                elif shown["type"] in {"ack", "error"}:
                    self._answers.append(shown)
        except ConnectionClosed as closed:
            self._ended.append(f"/api/v1: {closed}")

    async def _listen(self) -> None:
        try:
            while True:
                shown = await self.listener.recv()
                if as_list(shown) is None:
                    self._relayed.append(shown)
                    if self._mark in str(shown):
                        self._marks_seen.add("/chat")
        except ConnectionClosed as closed:
            self._ended.append(f"/chat: {closed}")

    async def _follow(self) -> None:
        try:
            async for line in self.dashboard.lines:
                if line.startswith("data: "):
                    self._changes.append(json.loads(line.removeprefix("data: ")))
            self._ended.append("the dashboard's stream ended")
        except httpx.HTTPError as error:
            self._ended.append(f"the dashboard: {error!r}")


def _until_mark(found: list[Any], is_mark: Any) -> list[Any]:
    """Remove everything up to the mark from ``found``, and return it."""
    at = 1 + next(n for n, one in enumerate(found) if is_mark(one))
    taken = found[:at]
    del found[:at]
    return taken


@asynccontextmanager
async def running_canaries(port: int) -> AsyncIterator[Canaries]:
    """Connect the three clients."""
    address = Address(port)
    # A kept-alive connection may be closed for its age just when it is used again.
    once = httpx.Limits(max_keepalive_connections=0)
    async with (
        httpx.AsyncClient(base_url=address.http, limits=once, timeout=PATIENCE_SECONDS, verify=False) as http,
        person(address, name=CANARY) as speaker,
        course_client(address, "a listener") as listener,
        _dashboard(address) as dashboard,
    ):
        canaries = Canaries(address, http, speaker, listener.socket, dashboard)
        watching = asyncio.create_task(canaries.watch())
        try:
            await canaries.speaker.send(
                {"type": "send", "clientId": "begin", "room": "general", "text": "begin"}
            )
            await until(lambda: canaries._told and canaries._relayed)  # noqa: SLF001
            yield canaries
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


@asynccontextmanager
async def _dashboard(address: Address) -> AsyncIterator[Events]:
    """Open the event stream, without a read timeout: this loop stands still while cases are drawn."""
    timeout = httpx.Timeout(PATIENCE_SECONDS, read=None)
    async with (
        httpx.AsyncClient(base_url=address.http, timeout=timeout, verify=False) as client,
        client.stream("GET", "/api/v1/cloud/events") as response,
    ):
        yield Events(response.aiter_lines())
