"""The doors by which a person may read a room: its history, threads, pins, members and the search."""

import time

from tests.faults.clients.http_client import Answer
from tests.faults.clients.recorder import Recorder
from tests.faults.clients.team.board import Board
from tests.faults.clients.team.device import Account, Device
from tests.faults.clients.team.requests import Requests
from tests.faults.clients.texts import ROOMS, word_of
from tests.faults.verification.team_history import Glimpse

PAGE = 200
_REFUSED = {"room_unknown", "message_unknown"}


class Doors:
    """Reads as one person."""

    def __init__(
        self, recorder: Recorder, ports: list[int], board: Board, account: Account, requests: Requests
    ) -> None:
        self._recorder = recorder
        self._board = board
        self._account = account
        self._requests = requests

    async def load(self, device: Device) -> None:
        """Load a page of each room that a device does not show yet."""
        if device.socket is None:
            return
        for room in device.views.needed([*ROOMS, *sorted(device.own)]):
            device.views.expect(room)
            answer = await self._history(room)
            if answer is None or answer.status != 200:
                device.views.drop(room)
            else:
                device.views.load(room, answer.body)

    async def peek(self) -> None:
        """Try to read a private room, whether this person is in it or not."""
        closed = [room.ident for room in self._board.rooms if self._board.is_closed(room.ident)]
        if not closed:
            return
        rng = self._recorder.rng
        room = rng.choice(closed)
        posts = self._board.posts(room)
        draw = rng.random()
        if draw < 0.4 or not posts:
            await self._history(room)
        elif draw < 0.6:
            await self._search(room, rng.choice(posts).key)
        elif draw < 0.8:
            await self._peek(room, f"messages/{rng.choice(posts).ident}/thread", "thread")
        elif draw < 0.9:
            await self._peek(room, "pins", "pins")
        else:
            await self._peek(room, "members", "members")

    async def _history(self, room: str) -> Answer | None:
        return await self._peek(room, f"messages?limit={PAGE}", "history")

    async def _peek(self, room: str, rest: str, door: str) -> Answer | None:
        recorder, asked = self._recorder, time.time()
        answer = await self._requests.http("GET", f"/api/v1/chat/rooms/{room}/{rest}", f"to read the {door}")
        if answer is None:
            return None
        code = answer.body.get("code")
        if code is not None and code not in _REFUSED:
            recorder.record_violation(f"{self._account.name} could not read the {door}: {answer.body}")
        elif self._board.is_closed(room) and code != "message_unknown":
            glimpse = Glimpse(self._account.owner, room, door, asked, time.time(), code is None)
            recorder.team.roster.glimpses.append(glimpse)
        return answer

    async def _search(self, room: str, key: str) -> None:
        """Search for a word of a message that may have been edited since: only a leak is judged here."""
        asked = time.time()
        answer = await self.search(word_of(key, 0))
        if answer is not None and any(one["message"]["room"] == room for one in answer.body["messages"]):
            glimpse = Glimpse(self._account.owner, room, "search", asked, time.time(), let_in=True)
            self._recorder.team.roster.glimpses.append(glimpse)

    async def search(self, word: str) -> Answer | None:
        """Search for a word in all rooms."""
        answer = await self._requests.http("GET", f"/api/v1/search?q={word}&limit=5", "to search")
        if answer is not None and answer.status != 200:
            self._recorder.record_violation(f"{self._account.name} could not search: {answer.body}")
            return None
        return answer
