"""Simulated people at ``/api/v1/chat/ws``: they talk, lose their connections, come back and go on."""

import asyncio
import json
import time
from contextlib import suppress

from tests.faults.history import Ack, Listing, Part, Presence, Reader
from tests.faults.ledger import Ledger, pulse
from tests.faults.wire import Json, Socket, open_socket, request

_WELCOME_SECONDS = 20.0
_ACK_SECONDS = 20.0
_RETRY = {"unavailable", "overloaded", "rate_limited", "idempotency_in_flight", "request_timeout"}
_GONE = {4002, 4003}
PAD = "x" * 80


class GoneError(Exception):
    """The person's token no longer opens anything: register anew."""


class Person:
    """One person and their one connection at a time. ``pace``: seconds between messages, on average."""

    def __init__(self, ledger: Ledger, ports: list[int], name: str, pace: float) -> None:
        self.name = name
        self.reader = Reader(name)
        self.socket: Socket | None = None
        self.listed: set[str] = set()
        self._ledger = ledger
        self._ports = ports
        self._pace = pace
        self._token = ""
        self._owner = ""
        self._number = 0
        self._part: Part | None = None
        self._shown: dict[str, float] = {}
        self._welcomed: asyncio.Future[None] | None = None
        self._answers: dict[str, asyncio.Future[Json]] = {}
        self._said: list[tuple[str, str]] = []
        self._pending: tuple[str, str] | None = None
        self._heard = 0.0
        self._going = 0.0
        self._at = 0

    @property
    def last(self) -> int:
        """The last sequence seen."""
        return self.reader.parts[-1].last if self.reader.parts else 0

    # -- life

    async def stay(self) -> None:
        """Be there from the beginning to the end, whatever happens to the connection."""
        await self.register()
        lost: float | None = None
        while not self._ledger.leaving.is_set():
            try:
                async with Visit(self) as _:
                    if lost is not None:
                        self._ledger.waited(lost)
                    await self._talk(self._ledger.stopping)
                    await self._until_lost_or(self._ledger.leaving)
                    if self._ledger.leaving.is_set():
                        await self.exit()
                        return
            except GoneError as error:
                if self._ledger.leaving.is_set():
                    return
                self._ledger.refuse(f"{self.name} lost name or token while they stayed: {error}")
                await self.register()
                self._part = None
                self.reader.parts.append(Part(self.last, reset=True))
            except OSError:
                pass
            lost = time.time() if lost is None or self.socket is not None else lost
            self.socket = None
            self._ledger.reconnects += 1
            await asyncio.sleep(self._ledger.rng.uniform(0, 0.3))

    async def visit(self, messages: int, manner: str) -> None:
        """Register, say so many messages, and go in some manner: exit, close or cut."""
        await self.register()
        with suppress(OSError, GoneError):
            async with Visit(self):
                for _ in range(messages):
                    if self._ledger.stopping.is_set():
                        break
                    await self._say_next()
                    await asyncio.sleep(self._ledger.rng.expovariate(1 / self._pace))
                await self._go(manner)

    async def register(self) -> None:
        """Have the name; it may take until whoever had it before is forgotten."""
        ledger = self._ledger
        asked, refusals = time.time(), 0
        while True:
            try:
                answer = await request(self._port(), "POST", "/api/v1/chat/users", body={"name": self.name})
            except OSError:
                # Whether it was given nobody knows; then it is reserved until nobody came to take it.
                refusals += 1
                await asyncio.sleep(0.2)
                continue
            if answer.status == 201:
                self._token, self._owner = answer.body["token"], answer.body["user"]["id"]
                ledger.had(self.name, asked, refusals)
                return
            if answer.status == 409:
                refusals += 1
                if ledger.is_held(self.name):
                    asked = time.time()
            elif answer.status != 503:
                ledger.refuse(f"registering {self.name}: {answer.status} {answer.body}")
            if ledger.leaving.is_set():
                raise ConnectionError("too late to register")
            await asyncio.sleep(ledger.rng.uniform(0.1, 0.4))

    async def exit(self) -> None:
        """Leave for good, by saying so."""
        if self.socket is None:
            return
        self._going = time.time()
        self.socket.send({"type": "leave"})
        async with asyncio.timeout(_ACK_SECONDS):
            await self.socket.closed

    # -- being connected

    async def connect(self) -> None:
        """Connect, say hello, be welcomed; what was missed comes before what is live.

        Raises:
            OSError: not welcomed. GoneError: never again with this token.
        """
        loop = asyncio.get_running_loop()
        self._welcomed = loop.create_future()
        self._at = self._port()
        socket = await open_socket(self._at, "/api/v1/chat/ws", self._receive)
        hello: Json = {"type": "hello", "token": self._token}
        if self._part is not None:
            hello["since"] = self._part.last
        socket.send(hello)
        await asyncio.wait(
            (self._welcomed, socket.closed), timeout=_WELCOME_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if not self._welcomed.done():
            socket.abort()
            if socket.closed.done() and socket.closed.result() in _GONE:
                raise GoneError(str(socket.closed.result()))
            raise ConnectionError("not welcomed")
        self.socket = socket

    def forget_list(self) -> None:
        """What was listed is listed no more: the connection is gone."""
        now = time.time()
        for name, start in self._shown.items():
            self._ledger.history.listings.append(Listing(self.name, name, start, now))
        self._shown.clear()
        self.listed = set()
        for answer in self._answers.values():
            answer.cancel()
        self._answers.clear()

    def remember(self, start: float) -> None:
        """They were there from ``start`` until now, and had their name while the server was heard."""
        self._ledger.history.presences.append(Presence(self.name, start, time.time()))
        self._ledger.lets_go(self.name, self._owner, start, min(self._heard, self._going or self._heard))

    def arrived(self) -> None:
        """They are there now."""
        self._going = 0.0
        self._ledger.holds(self.name, self._owner)

    def _port(self) -> int:
        return self._ledger.rng.choice(self._ports)

    def _receive(self, payload: bytes) -> None:
        self._heard = time.time()
        if payload.startswith(b'{"seq":'):
            seq = int(payload[7 : payload.index(b",", 7)])
            part = self._part
            if part is None:
                self._ledger.refuse(f"{self.name} got a message before the welcome")
                return
            part.seqs.append(seq)
            digest = hash(payload)
            if self._ledger.history.contents.setdefault(seq, digest) != digest:
                self._ledger.refuse(f"{self.name} saw another message at {seq} than others")
            return
        self._other(json.loads(payload))

    def _other(self, frame: Json) -> None:
        match frame["type"]:
            case "ack" | "error" if frame.get("clientId") in self._answers:
                answer = self._answers[frame["clientId"]]
                if not answer.done():
                    answer.set_result(frame)
            case "error" if frame["code"] not in _RETRY | {"token_invalid", "name_taken"}:
                self._ledger.refuse(f"{self.name} was told {frame}")
            case "welcome":
                self._greeted(frame)
            case "joined":
                self.listed.add(frame["user"]["name"])
                self._shown.setdefault(frame["user"]["name"], time.time())
            case "left":
                self._no_longer(frame["user"]["name"])
            case "reset":
                self._reset(int(frame["seq"]))

    def _greeted(self, frame: Json) -> None:
        if self._part is None:
            self._begin(Part(int(frame["seq"]), reset=bool(self.reader.parts)))
        else:
            self._begin(Part(self._part.last))
        now = time.time()
        self.listed = {user["name"] for user in frame["users"]}
        self._shown = dict.fromkeys(self.listed, now)
        if self.name not in self.listed:
            self._ledger.refuse(f"{self.name} is not on the list that welcomed them (port {self._at})")
        if self._welcomed is not None and not self._welcomed.done():
            self._welcomed.set_result(None)

    def _begin(self, part: Part) -> None:
        self._part = part
        self.reader.parts.append(part)

    def _reset(self, seq: int) -> None:
        had = self._part.last if self._part is not None else 0
        self._ledger.resets += 1
        self._ledger.refuse(f"{self.name} was told reset at {seq}, having seen {had}")
        self._begin(Part(seq, reset=True))

    def _no_longer(self, name: str) -> None:
        self.listed.discard(name)
        start = self._shown.pop(name, None)
        if start is not None:
            self._ledger.history.listings.append(Listing(self.name, name, start, time.time()))

    # -- talking

    async def _talk(self, until: asyncio.Event) -> None:
        while not until.is_set():
            await self._say_next()
            await self._pause()

    async def _pause(self) -> None:
        socket = self.socket
        assert socket is not None
        await asyncio.wait((socket.closed,), timeout=self._ledger.rng.expovariate(1 / self._pace))
        if socket.closed.done():
            raise ConnectionError("closed")

    async def _say_next(self) -> None:
        """Say the next message, or the one that was never acknowledged; sometimes an old one again."""
        if self._pending is None and self._said and self._ledger.rng.random() < 0.02:
            self._ledger.duplicates += 1
            await self._say(*self._ledger.rng.choice(self._said[-500:]))
            return
        if self._pending is None:
            self._number += 1
            key = f"{self.name}.{self._owner[:6]}.{self._number}"
            self._pending = (f"c{self._number}", key)
            self._ledger.history.sent.add(key)
        await self._say(*self._pending)
        self._said.append(self._pending)
        self._pending = None

    async def _say(self, client_id: str, key: str) -> None:
        socket = self.socket
        if socket is None:
            raise ConnectionError("not connected")
        begun = time.time()
        frame = {"type": "send", "clientId": client_id, "room": "general", "text": f"{key} {PAD}"}
        while True:
            answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
            self._answers[client_id] = answer
            socket.send(frame)
            pulse(self._ledger.sending)
            done, _ = await asyncio.wait(
                (answer, socket.closed), timeout=_ACK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            self._answers.pop(client_id, None)
            if answer not in done:
                socket.abort()
                raise ConnectionError("no acknowledgement")
            said = answer.result()
            if said["type"] == "ack":
                self._ledger.acknowledged += 1
                self._ledger.waited(begun)
                self._ledger.history.acks.append(Ack(key, client_id, int(said["seq"])))
                return
            if said["code"] not in _RETRY:
                self._ledger.refuse(f"{self.name} was refused {key}: {said['code']} {said['message']}")
                return
            await asyncio.sleep(0.1)

    async def _until_lost_or(self, event: asyncio.Event) -> None:
        assert self.socket is not None
        waiting = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait((self.socket.closed, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if not event.is_set():
            raise ConnectionError("closed")

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
    """A connection of a person, from the welcome to its end, written down as certain presence."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._since = 0.0

    async def __aenter__(self) -> "Visit":
        await self._person.connect()
        self._since = time.time()
        self._person.arrived()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._person.remember(self._since)
        self._person.forget_list()
        if self._person.socket is not None:
            self._person.socket.abort()
