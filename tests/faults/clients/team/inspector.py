"""Asks for everything at rest: histories, threads, members, files, searches, and what is unread."""

import asyncio
from collections.abc import Mapping, Sequence

from opsroom_contracts.chat.reads import RoomUnread
from tests.faults.clients.http_client import Answer, Json
from tests.faults.clients.recorder import Recorder
from tests.faults.clients.team.board import Board
from tests.faults.clients.team.doors import PAGE
from tests.faults.clients.team.mate import Mate
from tests.faults.clients.team.requests import Requests
from tests.faults.clients.team.room_view import Line, line_of
from tests.faults.clients.texts import ROOMS, team_text, word_of
from tests.faults.verification.history import digest
from tests.faults.verification.team_history import Found, MemberList, ReadAtRest, RoomAtRest

_PAGES = 10
"""How many pages of a room are read."""
_FILES = 40
_SEARCHES = 30
_THREADS = 12
_TRIES = 50
_AGAIN_SECONDS = 0.2


class Inspector:
    """Reads as the people of a team, from each gateway."""

    def __init__(
        self, recorder: Recorder, board: Board, mates: Sequence[Mate], places: dict[int, str]
    ) -> None:
        self._recorder = recorder
        self._board = board
        self._mates = mates
        self._places = places

    async def inspect(self) -> None:
        """Record what everybody shows."""
        for mate in self._mates:
            for device in mate.devices:
                self._recorder.team.rest += device.views.at_rest(device.label)
                if device.socket is not None:
                    self._device_counts(mate, device.label, device.unread.rooms)
        for port, where in self._places.items():
            for mate in self._mates:
                await self._counts(mate, port, where)
            for room in self._board.all_rooms():
                await self._room(room, port, where)
        await self._files()
        for post in self._board.all_posts()[-_SEARCHES:]:
            await self._searches(post.room, post.place, post.key, post.version)

    def _reader(self, room: str) -> Mate | None:
        """Return somebody who may read a room."""
        return next((mate for mate in self._mates if self._board.is_in(mate.account.owner, room)), None)

    def _at(self, mate: Mate, port: int) -> Requests:
        return Requests(self._recorder, [port], mate.account, mate.devices)

    def _device_counts(self, mate: Mate, who: str, rooms: Mapping[str, RoomUnread]) -> None:
        for room, one in rooms.items():
            self._recorder.team.reads.append(
                ReadAtRest(who, mate.account.owner, room, one.read or 0, one.unread, one.mentions)
            )

    async def _counts(self, mate: Mate, port: int, where: str) -> None:
        answer = await self._at(mate, port).http("GET", "/api/v1/chat/unread", "to count")
        for one in self._checked(answer, "unread").get("rooms", ()):
            self._recorder.team.reads.append(
                ReadAtRest(
                    where,
                    mate.account.owner,
                    one["room"],
                    one.get("read", 0),
                    one.get("unread", 0),
                    one.get("mentions", 0),
                )
            )

    async def _room(self, room: str, port: int, where: str) -> None:
        reader = self._reader(room)
        if reader is None:
            return
        requests, path = self._at(reader, port), f"/api/v1/chat/rooms/{room}"
        messages, since = await self._history(requests, path)
        shown = {line.place: line.shown(replies) for line, replies in messages.values()}
        self._recorder.team.rest.append(RoomAtRest(where, room, shown, since=since))
        threads = [ident for ident, (_, replies) in messages.items() if replies]
        for ident in threads[-_THREADS:]:
            answer = await requests.http("GET", f"{path}/messages/{ident}/thread?limit={PAGE}", "a thread")
            replies = self._checked(answer, "thread").get("replies", ())
            of_thread = {line.place: line.shown() for line in map(self._line, replies)}
            self._recorder.team.rest.append(RoomAtRest(where, room, of_thread, thread=ident))
        if room not in ROOMS:
            answer = await requests.http("GET", f"{path}/members", "the members")
            members = frozenset(one["user"]["id"] for one in self._checked(answer, "members")["members"])
            self._recorder.team.roster.lists.append(MemberList(room, where, members))

    async def _history(self, requests: Requests, path: str) -> tuple[dict[str, tuple[Line, int]], int]:
        """Return the newest messages with the number of their replies, and the first place that was read."""
        found: dict[str, tuple[Line, int]] = {}
        before = ""
        for _ in range(_PAGES):
            answer = await requests.http("GET", f"{path}/messages?limit={PAGE}{before}", "the history")
            page = self._checked(answer, "history")
            for one in page.get("messages", ()):
                found[one["id"]] = (self._line(one), int(one.get("replies", {}).get("replies", 0)))
            if "next" not in page:
                return found, 0
            before = f"&before={page['next']}"
        return found, int(before.partition("=")[2])

    def _line(self, message: Json) -> Line:
        line = line_of(message)
        for one in message.get("reactions", ()):
            if one["count"] != len(line.reactions[one["emoji"]]):
                self._recorder.record_violation(
                    f"{message['id']}: {one['count']} reactions of {one['emoji']}"
                )
        return line

    async def _files(self) -> None:
        """Download the latest files, as somebody in the room and as somebody who is in none."""
        for file in self._recorder.team.files[-_FILES:]:
            for mate in (self._reader(file.room), self._recorder.rng.choice(self._mates)):
                is_in = mate is not None and self._board.is_in(mate.account.owner, file.room)
                if mate is not None and (is_in or self._board.is_closed(file.room)):
                    await mate.uploads.download(file.ident, file.room, at_rest=is_in)

    async def _searches(self, room: str, place: int, key: str, version: int) -> None:
        """Search for words of the first and the last text of a message."""
        insider = self._reader(room)
        outsider = next((one for one in self._mates if not self._board.is_in(one.account.owner, room)), None)
        for number in {0, version}:
            for mate in (insider, outsider if self._board.is_closed(room) else None):
                if mate is None:
                    continue
                answer = await self._complete(mate, word_of(key, number))
                if answer is None:
                    continue
                there = any(one["message"]["seq"] == place for one in answer.body["messages"])
                text = self._text(key, number)
                self._recorder.team.found.append(
                    Found(mate.account.owner, room, place, text, there, mate is insider)
                )

    def _text(self, key: str, number: int) -> str:
        """Return the digest of a text of a message."""
        sent = self._recorder.history.sent.get(key)
        return sent.text if number == 0 and sent is not None else digest(team_text(key, number))

    async def _complete(self, mate: Mate, word: str) -> Answer | None:
        """Search until the index has everything; None: it never has."""
        for _ in range(_TRIES):
            answer = await mate.doors.search(word)
            if answer is None or answer.body.get("complete", True):
                return answer
            await asyncio.sleep(_AGAIN_SECONDS)
        return None

    def _checked(self, answer: Answer | None, what: str) -> Json:
        if answer is None or answer.status != 200:
            self._recorder.record_violation(f"{what} at rest: {None if answer is None else answer.body}")
            return {"members": []}
        return answer.body
