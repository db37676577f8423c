"""Races in rooms: who is not in a room gets nothing of it, and all clients see the same in the end."""

import asyncio
from typing import Any
from uuid import uuid4

from opsroom_testkit.waiting import until
from services.gateway.tests.kit.portal import Address
from tests.fuzz.attackers.room_messages import MessageRace
from tests.fuzz.attackers.room_people import RoomPerson, room_people
from tests.fuzz.attackers.room_removal import RemovalRace
from tests.fuzz.cases.room_cases import PEOPLE, RoomCase, RoomRace, RoomStep

_REFUSED = frozenset(
    {"room_unknown", "forbidden", "name_taken", "name_invalid", "invalid_request", "overloaded"}
)
"""Why a request of a race may be refused. ``overloaded``: others were faster each time."""


class RoomAttackers:
    """Runs races at the gateways in ``open`` and in ``token`` mode."""

    def __init__(self, gateways: tuple[Address, Address]) -> None:
        self._gateways = gateways

    async def send(self, case: RoomCase) -> None:
        """Run a race.

        Raises:
            AssertionError: somebody got what they must not get, or two clients see different things.
        """
        async with room_people(self._gateways, PEOPLE + 1) as (*people, outsider):
            try:
                match case.race:
                    case RoomRace.REMOVAL:
                        await RemovalRace(case, people, await _created(people, case, members=1)).run()
                    case RoomRace.MEMBERS:
                        await _MemberRace(people, await _created(people, case, members=1)).run(case)
                    case RoomRace.MESSAGES:
                        room = await _created(people, case, members=PEOPLE - 1)
                        await MessageRace(people, outsider, room).run(case)
            except ExceptionGroup as errors:
                raise AssertionError(f"{errors.exceptions!r}") from errors


async def _created(people: list[RoomPerson], case: RoomCase, *, members: int) -> str:
    """Create a room of the first person, with the next ``members``."""
    body = {"name": f"room {uuid4().hex[:16]}", "private": case.private}
    room: str = (await people[0].accepted(0, "POST", "/chat/rooms", json=body))["id"]
    users = [one.id for one in people[1 : members + 1]]
    await people[0].accepted(0, "POST", f"/chat/rooms/{room}/invite", json={"users": users})
    return room


class _MemberRace:
    """All people change who is in a room at once."""

    def __init__(self, people: list[RoomPerson], room: str) -> None:
        self._people = people
        self._path = f"/chat/rooms/{room}"
        self._room = room

    async def run(self, case: RoomCase) -> None:
        """Run the programs; in the end, all lists and sockets agree on who is in."""
        async with asyncio.TaskGroup() as group:
            for person, steps in zip(self._people, case.programs, strict=True):
                group.create_task(self._program(person, steps))
        roles = await self._roles()
        if roles:
            assert "owner" in roles.values(), f"nobody owns the room: {roles}"
        for person in self._people:
            await self._check_sockets(person, roles.get(person.id))

    async def _program(self, person: RoomPerson, steps: tuple[RoomStep, ...]) -> None:
        for step in steps:
            method, path, body = self._request(step)
            response = await person.request(step.gateway, method, path, json=body)
            if response.status_code >= 400:
                code = response.json()["code"]
                assert code in _REFUSED, f"{step}: {response.text[:300]}"

    def _request(self, step: RoomStep) -> tuple[str, str, Any]:  # noqa: PLR0911 - one for each action
        whom = self._people[step.whom].id
        match step.action:
            case "join" | "leave":
                return "POST", f"{self._path}/{step.action}", None
            case "invite":
                return "POST", f"{self._path}/invite", {"users": [whom]}
            case "remove":
                return "DELETE", f"{self._path}/members/{whom}", None
            case "rename":
                return "PATCH", self._path, {"name": step.text[:10]}
            case "archive" | "open":
                return "PATCH", self._path, {"archived": step.action == "archive"}
            case "members":
                return "GET", f"{self._path}/members", None
            case _:
                return "POST", f"{self._path}/messages", {"text": step.text}

    async def _roles(self) -> dict[str, str]:
        """Return the roles of the members, as all who may see them see them."""
        seen: list[dict[str, str]] = []
        for person in self._people:
            for gateway in range(len(person.clients)):
                response = await person.request(gateway, "GET", f"{self._path}/members")
                if response.status_code == 200:
                    seen.append({one["user"]["id"]: one["role"] for one in response.json()["members"]})
                    listed = await person.accepted(gateway, "GET", "/chat/rooms")
                    views = {one["room"]["id"]: one.get("role") for one in listed["rooms"]}
                    assert views.get(self._room) == seen[-1].get(person.id), (
                        "the list of rooms says otherwise"
                    )
        assert all(one == seen[0] for one in seen), f"different members are listed: {seen}"
        return seen[0] if seen else {}

    async def _check_sockets(self, person: RoomPerson, role: str | None) -> None:
        """What the sockets were sent last is how it is, and a new one is welcomed with the same."""

        def last(frames: list[dict[str, Any]]) -> object:
            told = [one for one in frames if one["type"] == "room"]
            return told[-1].get("role") if told else None

        await until(lambda: all(last(frames) == role for frames in person.received(self._room)))
        for address in person.user.gateways:
            again = await person.user.open(address)
            await until(lambda again=again: again.welcomed or again.closed)  # type: ignore[misc]
            (welcome,) = [one for one in again.frames if one["type"] == "welcome"]
            rooms = {one["room"]["id"]: one.get("role") for one in welcome["rooms"]}
            assert rooms.get(self._room) == role, f"welcomed as {rooms.get(self._room)} instead of {role}"
