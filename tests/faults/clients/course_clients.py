"""Clients of the course contract: no resume and no acknowledgements, but no duplicates either."""

import asyncio
import json
import time
from contextlib import suppress

from tests.faults.clients.chat_socket import open_socket
from tests.faults.clients.http_client import Json, request
from tests.faults.clients.recorder import Attendance, Recorder
from tests.faults.clients.texts import ROOMS, key_of, text_of
from tests.faults.verification.history import CourseReader, Presence, Sent, digest

_LIST = ord("[")


class CourseReading:
    """What a connection received, by the life of the stream.

    The contract has no epoch. On an open connection, what the stream held that is gone belongs to that one,
    until the first message comes that it did not hold.
    """

    def __init__(self, recorder: Recorder, name: str) -> None:
        self._recorder = recorder
        self._name = name
        self._begin()

    def message(self, author: str, text: str) -> None:
        """Record a message."""
        key = key_of(text)
        if self._life is not self._recorder.chat and key not in self._held():
            self._begin()
        self._reader.keys.append(key)
        self._reader.contents.append(f"{author}|{digest(text)}")

    def _begin(self) -> None:
        self._life, self._reader = self._recorder.chat, CourseReader(self._name)
        self._life.course.append(self._reader)
        self._keys: set[str] = set()

    def _held(self) -> set[str]:
        """Return the keys that the stream held at its end."""
        self._keys = self._keys or {message.key for message in self._life.messages}
        return self._keys


class CourseClient:
    """A user of the course contract, with a new socket whenever the last one broke."""

    def __init__(self, recorder: Recorder, ports: list[int], name: str, pace: float) -> None:
        self._recorder = recorder
        self._ports = ports
        self._name = name
        self._pace = pace
        self._number = 0

    async def stay(self) -> None:
        """Send messages until the run is over."""
        visit = 0
        while not self._recorder.leaving.is_set():
            visit += 1
            with suppress(OSError):
                await self._visit(visit)
            await asyncio.sleep(self._recorder.rng.uniform(0.1, 0.5))

    async def _visit(self, visit: int) -> None:
        start = time.time()
        port = self._recorder.rng.choice(self._ports)
        user = await self._user(port)
        reading = CourseReading(self._recorder, f"{self._name} #{visit}")
        attendance = Attendance(self._recorder, user["name"], reads=False)
        bound = False

        def receive(payload: bytes) -> None:
            nonlocal bound
            if payload[0] == _LIST:
                return
            frame = json.loads(payload)
            author = frame["user"]["name"]
            reading.message(author, frame["message"])
            if author == user["name"] and not bound:  # from now on the socket is known as this user's
                bound = True
                attendance.begin(self._recorder.places.get(socket.gateway, ""))

        socket = await open_socket(port, "/chat/ws", receive)
        socket.on_data = attendance.hear
        try:
            while not self._recorder.leaving.is_set():
                if not self._recorder.stopping.is_set():
                    socket.send_json(self._next(user))
                pause = self._recorder.rng.expovariate(1 / self._pace)
                await asyncio.wait((socket.closed,), timeout=min(pause, 1.0))
                if socket.closed.done():
                    return
            attendance.end()
            socket.send_json({"type": "exit", "user": {"name": user["name"]}})
            await asyncio.sleep(0.2)
            socket.close()
            await asyncio.wait((socket.closed,), timeout=2.0)
        finally:
            socket.abort()
            attendance.end()
            self._recorder.history.presences.append(Presence(user["name"], start, time.time()))

    async def _user(self, port: int) -> Json:
        """Register a new name: a lost connection keeps its name for a while."""
        self._number += 1
        name = f"{self._name}-{self._number}"
        answer = await request(port, "POST", "/chat/new-user", body={"name": name})
        if answer.status != 200:
            raise ConnectionError("not registered")
        user: Json = answer.body["user"]
        return user

    def _next(self, user: Json) -> Json:
        self._number += 1
        key = f"{self._name}.{self._number}"
        text = text_of(key)
        self._recorder.history.sent[key] = Sent(ROOMS[0], user["name"], digest(text))
        return {"type": "send", "message": text, "user": user}
