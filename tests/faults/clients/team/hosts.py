"""Owners of rooms, who create them, let others in and out again, one after another."""

import asyncio
import time
from collections.abc import Sequence

from tests.faults.clients.http_client import Answer
from tests.faults.clients.recorder import Recorder
from tests.faults.clients.team.board import Board, TeamRoom
from tests.faults.clients.team.mate import Mate
from tests.faults.verification.team_history import MembershipChange

_LOOK_SECONDS = 0.1
_PAUSE_SECONDS = 2.0
_SEEN_SECONDS = 60.0


class RoomHost:
    """The owner of one room. ``guests``: who is let in and out."""

    def __init__(
        self, recorder: Recorder, board: Board, owner: Mate, guests: Sequence[Mate], *, private: bool
    ) -> None:
        self._recorder = recorder
        self._board = board
        self._owner = owner
        self._guests = guests
        self._kind = "private" if private else "public"

    async def run(self, name: str) -> None:
        """Create the room, and change its members until the load ends."""
        body = {"name": name, "private": self._kind == "private"}
        rng, room = self._recorder.rng, ""
        while not self._recorder.stopping.is_set():
            if not room or not self._board.is_in(self._owner.account.owner, room):
                # A backup may be from before the room was created. The same key makes the same room.
                room = await self._created("/api/v1/chat/rooms", body, name) or ""
            else:
                await self._let_somebody_in_or_out(room)
            await asyncio.sleep(rng.uniform(0.3, 1.7) * _PAUSE_SECONDS)

    async def _let_somebody_in_or_out(self, room: str) -> None:
        guest = self._recorder.rng.choice(self._guests)
        async with self._board.changing:
            if self._board.is_in(self._owner.account.owner, room):
                joined = not self._board.is_in(guest.account.owner, room)
                await self._change(room, guest, joined=joined)

    async def talk_directly(self) -> None:
        """Create the direct room of the owner and all guests, and again if a backup does not have it."""
        users = [guest.account.owner for guest in self._guests]
        self._kind, room = "direct", ""
        while not self._recorder.stopping.is_set():
            if not room or not self._board.is_in(self._owner.account.owner, room):
                room = await self._created("/api/v1/chat/direct", {"users": users}, "") or ""
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _created(self, path: str, body: object, key: str) -> str | None:
        async with self._board.changing:
            return await self._created_now(path, body, key)

    async def _created_now(self, path: str, body: object, key: str) -> str | None:
        answer = await self._owner.requests.http("POST", path, "to create a room", body=body, key=key)
        if answer is None:
            return None
        if answer.status not in {200, 201}:
            self._recorder.record_violation(f"{self._owner.name} could not create a room: {answer.body}")
            return None
        room = str(answer.body["id"])
        for mate in (self._owner, *self._guests) if self._kind == "direct" else (self._owner,):
            await self._until_seen(mate.account.owner, room, joined=True)
        if room not in self._board.all_rooms():
            self._board.rooms.append(TeamRoom(room, self._kind))
        return room

    async def _change(self, room: str, guest: Mate, *, joined: bool) -> None:
        """Let somebody in or out, by the owner or by themselves, and wait until the observer has seen it."""
        recorder, roster, asked = self._recorder, self._recorder.team.roster, time.time()
        user = guest.account.owner
        answer = await (self._let_in(room, guest) if joined else self._let_out(room, guest))
        if answer is None or roster is not recorder.team.roster:
            return
        if answer.status != 204:
            recorder.record_violation(f"{room}: {guest.name} in {joined}: {answer.status} {answer.body}")
            return
        roster.changes.append(MembershipChange(user, room, joined, asked, time.time()))
        await self._until_seen(user, room, joined=joined)

    async def _let_in(self, room: str, guest: Mate) -> Answer | None:
        path = f"/api/v1/chat/rooms/{room}"
        if self._kind == "public" and self._recorder.rng.random() < 0.5:
            return await guest.requests.http("POST", f"{path}/join", "to join")
        body = {"users": [guest.account.owner]}
        return await self._owner.requests.http("POST", f"{path}/invite", "to invite", body=body)

    async def _let_out(self, room: str, guest: Mate) -> Answer | None:
        path = f"/api/v1/chat/rooms/{room}"
        if self._recorder.rng.random() < 0.5:
            # A later try finds that nobody is in the room any more.
            answer = await guest.requests.http("POST", f"{path}/leave", "to leave")
            if answer is None or answer.body.get("code") != "room_unknown":
                return answer
        return await self._owner.requests.http(
            "DELETE", f"{path}/members/{guest.account.owner}", "to remove a member"
        )

    async def _until_seen(self, user: str, room: str, *, joined: bool) -> None:
        """Wait for the observer. What it has not seen between two changes could not be judged."""
        deadline, roster = time.time() + _SEEN_SECONDS, self._recorder.team.roster
        while self._board.is_in(user, room) is not joined and time.time() < deadline:
            if roster is not self._recorder.team.roster:
                return
            await asyncio.sleep(_LOOK_SECONDS)
