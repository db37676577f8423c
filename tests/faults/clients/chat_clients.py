"""Simulated users at ``/api/v1/chat/ws``: they send messages, lose connections and resume."""

import asyncio
import json
import time
from contextlib import suppress
from math import inf

from tests.faults.clients.chat_reader import ChatReader
from tests.faults.clients.chat_sender import RETRY, MessageSender, SendPolicy
from tests.faults.clients.chat_socket import ChatSocket, open_socket
from tests.faults.clients.http_client import Json, request
from tests.faults.clients.recorder import Attendance, Recorder
from tests.faults.verification.history import Presence

_WELCOME_SECONDS = 20.0
_ACK_SECONDS = 20.0
_LOOK_SECONDS = 1.0
_GONE = {4002, 4003}


class TokenInvalidError(Exception):
    """The user's token is not valid any more: the client must register again."""


class ChatClient:
    """A user, with one connection at a time.

    ``away_seconds``: they disconnect again and again, for this many seconds at most; 0: never.
    """

    def __init__(
        self,
        recorder: Recorder,
        ports: list[int],
        name: str,
        manner: SendPolicy,
        away_seconds: float = 0.0,
        label: str = "",
    ) -> None:
        """``label``: of this device, if the user has several."""
        self.name = name
        self.label = label or name
        self.may_be_banned = False
        self.socket: ChatSocket | None = None
        self.reading = ChatReader(recorder, name, self.label)
        self.talk = MessageSender(recorder, name, manner)
        self.attendance = Attendance(recorder, name, reads=True)
        self._away_seconds = away_seconds
        self._recorder = recorder
        self._ports = ports
        self._token = ""
        self._owner = ""
        self._welcomed: asyncio.Future[None] | None = None
        self._heard = 0.0
        self._going = 0.0
        self._at = ""

    # -- life

    async def stay(self) -> None:
        """Stay connected for the whole run; reconnect whenever the connection is lost."""
        await self.register()
        self.talk.begin(self._owner)
        lost: float | None = None
        while not self._recorder.leaving.is_set():
            try:
                async with Visit(self) as _:
                    if lost is not None:
                        self._recorder.waited(lost, "to connect", self.name)
                        lost = None
                    if await self._until_lost_or_leaving():
                        await self.exit()
                        return
                await self._stay_away()
                continue
            except TokenInvalidError as error:
                if self._recorder.leaving.is_set():
                    return
                self._recorder.record_violation(f"{self.name} lost name or token while they stayed: {error}")
                await self.register()
                self.talk.begin(self._owner)
                self.reading.begin_anew()
            except OSError:
                pass
            lost = time.time() if lost is None or self.socket is not None else lost
            self.socket = None
            self._recorder.reconnects += 1
            await asyncio.sleep(self._recorder.rng.uniform(0, 0.3))
        if lost is not None:
            self._recorder.waited(lost, "to connect", self.name)

    async def _stay_away(self) -> None:
        """Be disconnected for a while. The name stays theirs, and what they miss is replayed."""
        self.socket = None
        with suppress(TimeoutError):
            async with asyncio.timeout(self._recorder.rng.uniform(0.5, self._away_seconds)):
                await self._recorder.stopping.wait()

    async def visit(self, messages: int, manner: str) -> None:
        """Register, send that number of messages, and leave by ``exit``, ``close`` or ``cut``."""
        await self.register()
        with suppress(OSError, TokenInvalidError):
            async with Visit(self):
                self.talk.begin(self._owner, messages)
                await self._until_said()
                self.talk.give_up()
                await self._go(manner)

    async def register(self) -> None:
        """Register the name. That may take until the claim of its last owner has expired."""
        recorder = self._recorder
        begun = asked = time.time()
        refusals = 0
        while True:
            try:
                answer = await request(self._port(), "POST", "/api/v1/chat/users", body={"name": self.name})
            except OSError:
                # The outcome is unknown. A claimed name is reserved until the registration expires.
                refusals += 1
                await asyncio.sleep(0.2)
                continue
            if answer.status == 201:
                self._token, self._owner = answer.body["token"], answer.body["user"]["id"]
                recorder.had(self.name, asked, refusals, granted=True)
                recorder.waited(begun, "to register", self.name)
                return
            if answer.status == 409:
                refusals += 1
                begun = time.time()  # how long a name may be taken is judged on its own
                if recorder.is_held(self.name):
                    asked = time.time()
            elif answer.status != 503 and not (self.may_be_banned and answer.body.get("code") == "banned"):
                recorder.record_violation(f"registering {self.name}: {answer.status} {answer.body}")
            if recorder.leaving.is_set():
                recorder.had(self.name, asked, refusals, granted=False)
                raise ConnectionError("too late to register")
            await asyncio.sleep(recorder.rng.uniform(0.1, 0.4))

    async def exit(self) -> None:
        """Send `leave` and wait for the close."""
        if self.socket is None:
            return
        self._going = time.time()
        self.socket.send_json({"type": "leave"})
        async with asyncio.timeout(_ACK_SECONDS):
            await self.socket.closed

    # -- being connected

    async def connect(self) -> None:
        """Connect, send `hello` and wait for the welcome. Missed messages come before live ones.

        Raises:
            OSError: no welcome. TokenInvalidError: the token was rejected.
        """
        loop = asyncio.get_running_loop()
        self._welcomed = loop.create_future()
        socket = await open_socket(self._port(), "/api/v1/chat/ws", self._receive)
        self._at = self._recorder.places.get(socket.gateway, "")
        socket.on_data = self.attendance.hear
        socket.send_json(self._hello())
        await asyncio.wait(
            (self._welcomed, socket.closed), timeout=_WELCOME_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if not self._welcomed.done():
            socket.abort()
            if socket.closed.done() and socket.closed.result() in _GONE:
                raise TokenInvalidError(str(socket.closed.result()))
            raise ConnectionError("not welcomed")
        self.socket = socket

    def _hello(self) -> Json:
        """Return the first frame of a connection."""
        return {"type": "hello", "token": self._token, **self.reading.resume()}

    def arrived(self) -> None:
        """Mark the user as connected."""
        self._going = 0.0
        self.attendance.begin(self._at)
        self._recorder.holds(self.name, self._owner)
        if self.socket is not None:
            self.talk.connected(self.socket)

    def departed(self, start: float) -> None:
        """Record that the user was connected since ``start``, and held the name meanwhile."""
        self.talk.disconnected()
        self.attendance.end(self._going or None)
        self._recorder.history.presences.append(Presence(self.name, start, time.time()))
        self._recorder.lets_go(self.name, self._owner, start, min(self._heard, self._going or self._heard))
        self.reading.forget_list()
        if self.socket is not None:
            self.socket.abort()

    def _port(self) -> int:
        return self._recorder.rng.choice(self._ports)

    def _receive(self, payload: bytes) -> None:
        self._heard = time.time()
        if payload.startswith(b'{"seq":'):
            self.reading.message(payload)
        else:
            self._other(json.loads(payload))

    def _other(self, frame: Json) -> None:
        match frame["type"]:
            case "ack" | "error" if self.talk.answered(frame):
                return
            case "error" if frame["code"] not in RETRY | {"token_invalid", "name_taken"}:
                self._recorder.record_violation(f"{self.name} was told {frame}")
            case "welcome":
                self.reading.welcomed(frame, self._at)
                if self._welcomed is not None and not self._welcomed.done():
                    self._welcomed.set_result(None)
            case "message" | "removed" | "edited" | "reaction" | "pinned":
                self.reading.event(frame)
            case "joined":
                self.reading.joined(frame["user"]["name"])
            case "left":
                self.reading.left(frame["user"]["name"])
            case "reset":
                self.reading.reset(frame)

    # -- until when

    async def _until_lost_or_leaving(self) -> bool:
        """Return whether it is time to leave; False: to be away for a while."""
        socket = self.socket
        assert socket is not None
        stays = self._recorder.rng.uniform(3.0, 10.0) if self._away_seconds else inf
        until = time.time() + stays
        leaving = asyncio.ensure_future(self._recorder.leaving.wait())
        try:
            while not leaving.done():
                await asyncio.wait(
                    (socket.closed, leaving), timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if socket.closed.done():
                    raise ConnectionError("closed")
                if time.time() - self.talk.oldest > _ACK_SECONDS:
                    raise ConnectionError("no acknowledgement")
                if time.time() > until and not self._recorder.stopping.is_set() and self.talk.settled:
                    return False
            return True
        finally:
            leaving.cancel()

    async def _until_said(self) -> None:
        socket = self.socket
        assert socket is not None
        ended = asyncio.ensure_future(self.talk.ended())
        try:
            await asyncio.wait(
                (socket.closed, ended), timeout=_ACK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ended.cancel()

    async def _go(self, manner: str) -> None:
        assert self.socket is not None
        self._going = time.time()
        if manner == "exit":
            await self.exit()
        elif manner == "close":
            self.socket.close()
            await asyncio.wait((self.socket.closed,), timeout=3.0)
        else:
            self.socket.abort(reset=True)


class Visit:
    """A connection of a user, from the welcome to its end, recorded as presence."""

    def __init__(self, person: ChatClient) -> None:
        self._person = person
        self._since = 0.0

    async def __aenter__(self) -> "Visit":
        await self._person.connect()
        self._since = time.time()
        self._person.arrived()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._person.departed(self._since)
