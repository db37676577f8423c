"""Changes of the messages of a room by everybody at once: each client sees the same in the end."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

from opsroom_contracts.chat.frames import (
    SERVER_FRAME,
    EditedFrame,
    MessageFrame,
    PinnedFrame,
    ReactionFrame,
    RemovedFrame,
    StoredFrame,
)
from opsroom_contracts.chat.models import PINS_MAX, REACTIONS_MAX, HistoryReply
from services.chat.tests.changes import Reader, in_order
from services.gateway.tests.kit.api_clients import Frame
from tests.fuzz.attackers.room_people import RoomPerson, marker
from tests.fuzz.cases.room_cases import RoomCase, RoomStep

_STORED = (MessageFrame, EditedFrame, RemovedFrame, ReactionFrame, PinnedFrame)
_PAGE = 200
_REFUSED = frozenset({"forbidden", "message_unknown", "invalid_request"})
"""Why a change may be refused: another's message, one that is removed, or a text that can't be."""


class MessageRace:
    """The people are all in the room; ``outsider`` is not."""

    def __init__(self, people: list[RoomPerson], outsider: RoomPerson, room: str) -> None:
        self._people = people
        self._outsider = outsider
        self._room = room
        self._path = f"/chat/rooms/{room}"
        self._sent: list[str] = []
        self._readers: list[tuple[RoomPerson, int, int, Reader]] = []
        """Snapshots: the person, the gateway, and up to which sequence."""

    async def run(self, case: RoomCase) -> None:
        """Run the programs, take snapshots meanwhile, and compare them in the end."""
        async with asyncio.TaskGroup() as group:
            for person, steps in zip(self._people, case.programs, strict=True):
                group.create_task(self._program(person, steps))
        end = await marker(self._people[0])
        for person in (*self._people, self._outsider):
            await person.caught_up(end)
        assert not any(self._outsider.received(self._room)), "an outsider was sent something"
        for person in self._people:
            for gateway, frames in enumerate(person.received(self._room)):
                stored = _stored(frames)
                places = [one.seq for one in stored]
                assert places == sorted(set(places)), f"received twice, or not in order: {places}"
                await self._compare(person, gateway, stored)

    async def _program(self, person: RoomPerson, steps: tuple[RoomStep, ...]) -> None:
        for number, step in enumerate(steps):
            if number % 3 == 1:
                await self._snapshot(person, step.gateway)
            await self._step(person, step)

    async def _snapshot(self, person: RoomPerson, gateway: int) -> None:
        page = await self._history(person, gateway)
        reader = Reader(person.id)
        reader.load(page)
        self._readers.append((person, gateway, page.as_of or 0, reader))

    async def _step(self, person: RoomPerson, step: RoomStep) -> None:
        target = self._sent[-1 - step.whom % len(self._sent)] if self._sent else "none"
        method, path, body = self._request(step, f"{self._path}/messages/{target}", target)
        response = await person.request(step.gateway, method, path, json=body)
        if response.status_code >= 400:
            code = response.json()["code"]
            assert code in _REFUSED, f"{step}: {response.text[:300]}"
        elif step.action in {"send", "reply", "broadcast"}:
            self._sent.append(response.json()["id"])

    def _request(self, step: RoomStep, message: str, target: str) -> tuple[str, str, Any]:  # noqa: PLR0911 - one each
        text = step.text
        emoji = f"{message}/reactions/{quote(text[:40] or 'x', safe='')}"
        match step.action:
            case "edit":
                return "PATCH", message, {"text": text}
            case "delete":
                return "DELETE", message, None
            case "react":
                return "PUT", emoji, None
            case "unreact":
                return "DELETE", emoji, None
            case "pin":
                return "PUT", f"{message}/pin", None
            case "unpin":
                return "DELETE", f"{message}/pin", None
            case "reply" | "broadcast":
                body = {"text": text, "thread": target, "broadcast": step.action == "broadcast"}
                return "POST", f"{self._path}/messages", body
            case _:
                return "POST", f"{self._path}/messages", {"text": text}

    async def _compare(self, person: RoomPerson, gateway: int, frames: list[StoredFrame]) -> None:
        """Compare a fresh snapshot with each earlier one and the frames after it."""
        page = await self._history(person, gateway)
        fresh = [in_order(one) for one in page.messages]
        for one in fresh:
            assert len(one.reactions or ()) <= REACTIONS_MAX, f"too many reactions: {one}"
        pins = (await person.accepted(gateway, "GET", f"{self._path}/pins"))["pins"]
        assert len(pins) <= PINS_MAX
        threads = {one.id for one in page.messages}
        pinned = {one["message"]["id"] for one in pins} & threads
        assert pinned == {one.id for one in fresh if one.pinned}, "the list of pins says otherwise"
        for who, where, as_of, reader in self._readers:
            if who is person and where == gateway:
                for frame in frames:
                    if frame.seq > as_of:
                        reader.apply(frame)
                shown = reader.messages()
                assert shown == fresh, f"a snapshot and the frames after {as_of}: {shown}, fresh: {fresh}"

    async def _history(self, person: RoomPerson, gateway: int) -> HistoryReply:
        path = f"{self._path}/messages?limit={_PAGE}"
        response = await person.request(gateway, "GET", path)
        assert response.status_code == 200, response.text[:300]
        return HistoryReply.model_validate_json(response.text)


def _stored(frames: list[Frame]) -> list[StoredFrame]:
    found = (SERVER_FRAME.validate_json(json.dumps(one)) for one in frames)
    return [one for one in found if isinstance(one, _STORED)]
