"""A person of a team, who does one thing after another: writes, changes, reacts, reads, sends files."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from tests.faults.clients.http_client import Json
from tests.faults.clients.recorder import Acknowledged, Recorder
from tests.faults.clients.team.board import Board, Posted
from tests.faults.clients.team.device import Account, Device
from tests.faults.clients.team.doors import Doors
from tests.faults.clients.team.requests import Requests
from tests.faults.clients.team.uploads import Uploads
from tests.faults.clients.texts import team_text
from tests.faults.verification.history import Removal, Sent, digest, shown_options
from tests.faults.verification.team_history import ChangeKind, Glimpse, UnknownMessage, Wish

EMOJI = ("👍", "🎉", "❤️")
_AWAY_SECONDS = 12.0
_PINNED = 0.3
_REFUSED = {"room_unknown", "forbidden"}

Action = Callable[[], Awaitable[None]]


class Mate:
    """A person with two devices. ``pace``: seconds between two actions, on average."""

    def __init__(self, recorder: Recorder, ports: list[int], name: str, board: Board, pace: float) -> None:
        self.account = Account(name)
        self.devices = [
            Device(recorder, ports, self.account, 1, 0.0),
            Device(recorder, ports, self.account, 2, _AWAY_SECONDS),
        ]
        self.requests = Requests(recorder, ports, self.account, self.devices)
        self.doors = Doors(recorder, ports, board, self.account, self.requests)
        self.uploads = Uploads(recorder, ports, board, self.account, self.requests)
        self._recorder = recorder
        self._board = board
        self._pace = pace
        self._number = 0

    @property
    def name(self) -> str:
        """The name of the person."""
        return self.account.name

    async def run(self) -> None:
        """Act until the load ends."""
        rng, actions = self._recorder.rng, self._actions()
        while not self._recorder.stopping.is_set():
            await asyncio.sleep(rng.expovariate(1 / self._pace) if self._pace else 0)
            if self.account.owner:
                (action,) = rng.choices(list(actions), list(actions.values()))
                await self.keep_up()
                await action()

    async def keep_up(self) -> None:
        """Load what the devices lack."""
        for device in self.devices:
            await self.doors.load(device)

    def _actions(self) -> dict[Action, int]:
        return {
            self._say: 8,
            self._reply: 3,
            self._edit: 6,
            self._delete: 1,
            self._react: 8,
            self._pin: 2,
            self._send_files: 2,
            self._read: 8,
            self.uploads.fetch: 3,
            self.doors.peek: 4,
        }

    # -- what is done

    async def _say(self) -> None:
        await self._send(self._room())

    async def _reply(self) -> None:
        posts = [one for one in self._board.posts(self._room()) if not one.is_reply]
        if posts:
            root = self._recorder.rng.choice(posts)
            await self._send(root.room, root)

    async def _send_files(self) -> None:
        room = self._room()
        files = await self.uploads.upload(room)
        if files:
            await self._send(room, files=files)

    async def _edit(self) -> None:
        post = self._own()
        if post is None:
            return
        post.busy = True
        try:
            await self._edit_to(post, post.version + 1)
        finally:
            post.busy = False

    async def _edit_to(self, post: Posted, number: int) -> None:
        recorder, team, asked = self._recorder, self._recorder.team, time.time()
        text, erased = team_text(post.key, number), post.seq
        wish = Wish(
            ChangeKind.EDITED,
            post.place,
            post.room,
            self.account.owner,
            asked,
            key=post.key,
            number=number,
            text=digest(text),
        )
        place = len(team.wishes)
        team.wishes.append(wish)
        post.version = number
        frame = self._about(post, "edit", f"{post.key}/{number}", text=text)
        answer = await self.requests.change(frame, "to edit")
        if self._is_done(answer, post.room, "edit", asked, post.place) and answer is not None:
            team.wishes[place] = replace(wish, done=time.time(), seq=int(answer["seq"]))
            post.seq = int(answer["seq"])
            recorder.erased.add(erased)

    async def _delete(self) -> None:
        post = self._own()
        if post is None:
            return
        recorder, life, asked = self._recorder, self._recorder.chat, time.time()
        post.gone = True
        place = len(life.removals)
        removal = Removal(post.place, post.key, asked, None, post.ident)
        life.removals.append(removal)
        answer = await self.requests.change(self._about(post, "delete", f"{post.key}/-"), "to delete")
        if self._is_done(answer, post.room, "delete", asked, post.place):
            life.removals[place] = replace(removal, done=time.time())
            recorder.record_removal(post.place)
            recorder.erased.add(post.seq)

    async def _react(self) -> None:
        rng = self._recorder.rng
        posts = self._board.posts(self._room())
        if posts:
            post = rng.choice(posts)
            await self._toggle(ChangeKind.REACTION, post, rng.choice(EMOJI), on=rng.random() < 0.6)

    async def _pin(self) -> None:
        rng = self._recorder.rng
        posts = self._board.posts(self._room())
        if posts:
            await self._toggle(ChangeKind.PINNED, rng.choice(posts), "", on=rng.random() < _PINNED)

    async def _toggle(self, kind: ChangeKind, post: Posted, emoji: str, *, on: bool) -> None:
        team, asked = self._recorder.team, time.time()
        wish = Wish(kind, post.place, post.room, self.account.owner, asked, emoji=emoji, on=on)
        place = len(team.wishes)
        team.wishes.append(wish)
        self._number += 1
        more: Json = {"emoji": emoji, "on": on} if emoji else {"on": on}
        verb = "react" if emoji else "pin"
        frame = self._about(post, verb, f"{self.name}/{verb}/{self._number}", **more)
        answer = await self.requests.change(frame, f"to {verb}")
        if self._is_done(answer, post.room, verb, asked, post.place) and answer is not None:
            team.wishes[place] = replace(
                wish, done=time.time(), seq=int(answer["seq"]), duplicate=bool(answer.get("duplicate"))
            )

    async def _read(self) -> None:
        self._recorder.rng.choice(self.devices).read(self._room())

    # -- how

    async def _send(self, room: str, root: Posted | None = None, files: tuple[str, ...] = ()) -> None:
        recorder, life, begun = self._recorder, self._recorder.chat, time.time()
        self._number += 1
        key = f"{self.name}.{self.account.owner[:6]}.{self._number}"
        text = team_text(key, 0, self._mention())
        thread = "" if root is None else root.ident
        recorder.history.sent[key] = Sent(room, self.name, digest(text), shown_options(thread, files))
        self.uploads.sent(files, room, key)
        more: Json = {"files": list(files)} if files else {}
        if root is not None:
            more |= {"thread": thread} | ({"broadcast": True} if recorder.rng.random() < 0.5 else {})
        frame = {"type": "send", "clientId": key, "room": room, "text": text, **more}
        answer = await self.requests.change(frame, "a message of a team")
        root_place = 0 if root is None else root.place
        if not self._is_done(answer, room, "send", begun, root_place) or answer is None:
            return
        seq, ident = int(answer["seq"]), answer["id"]
        recorder.record_ack(Acknowledged(key, seq, ident, room), begun, self.name, repeated=False)
        if life is recorder.chat:
            self._board.post(
                Posted(key, ident, seq, room, self.account.owner, seq, 0, root is not None, files)
            )

    def _is_done(self, answer: Json | None, room: str, verb: str, asked: float, place: int) -> bool:
        """Whether a request succeeded. Records what a refusal says."""
        if answer is None:
            return False
        recorder, now, code = self._recorder, time.time(), answer.get("code")
        may_be_closed = self._board.is_created(room)
        if may_be_closed and (code is None or code in _REFUSED) and verb != "delete":
            roster = recorder.team.roster
            roster.glimpses.append(Glimpse(self.account.owner, room, verb, asked, now, code is None))
        if code is None:
            return True
        if code == "message_unknown" and place:
            recorder.team.unknown.append(UnknownMessage(place, asked, now))
        elif not (may_be_closed and code in _REFUSED):
            recorder.record_violation(f"{self.name} could not {verb} in {room}: {answer}")
        return False

    def _about(self, post: Posted, verb: str, key: str, **more: object) -> Json:
        return {"type": verb, "clientId": key, "room": post.room, "id": post.ident, **more}

    def _mention(self) -> str:
        """Return the beginning of a text that mentions somebody, or nobody."""
        draw = self._recorder.rng.random()
        if draw < 0.02:
            return "@room "
        return f"@mate-{self._recorder.rng.randrange(4)} " if draw < 0.1 else ""

    def _own(self) -> Posted | None:
        posts = self._board.posts(self._room())
        own = [one for one in posts if one.user == self.account.owner and not one.busy]
        return self._recorder.rng.choice(own) if own else None

    def _room(self) -> str:
        """Return a room: mostly one that this person is in."""
        rng, rooms = self._recorder.rng, self._board.all_rooms()
        there = [room for room in rooms if self._board.is_in(self.account.owner, room)]
        return rng.choice(rooms if rng.random() < 0.05 else there)
