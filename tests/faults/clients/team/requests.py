"""Requests of a person, tried until they have a response."""

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

from tests.faults.clients.chat_sender import RETRY
from tests.faults.clients.http_client import Answer, Json, request
from tests.faults.clients.recorder import Recorder
from tests.faults.clients.team.device import Account, Device

_AGAIN_SECONDS = 0.2
_ANSWER_SECONDS = 10.0


class Requests:
    """Sends frames over the sockets of a person, and requests over HTTP."""

    def __init__(
        self, recorder: Recorder, ports: list[int], account: Account, devices: Sequence[Device]
    ) -> None:
        self._recorder = recorder
        self._ports = ports
        self._account = account
        self._devices = devices

    async def http(
        self,
        verb: str,
        path: str,
        what: str,
        *,
        body: object = None,
        content: bytes | None = None,
        key: str = "",
    ) -> Answer | None:
        """Return the response that is no temporary error; None: the stream is another one now."""
        recorder, life = self._recorder, self._recorder.chat
        headers = dict(self._account.headers) | ({"Idempotency-Key": key} if key else {})
        with recorder.trying(what, self._account.name):
            while life is recorder.chat and not recorder.leaving.is_set():
                try:
                    port = recorder.rng.choice(self._ports)
                    answer = await request(port, verb, path, headers=headers, body=body, content=content)
                except OSError:
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
                if life is not recorder.chat:
                    return None
                if answer.body.get("code") not in RETRY:
                    return answer
                await asyncio.sleep(_AGAIN_SECONDS)
        return None

    async def change(self, frame: Json, what: str) -> Json | None:
        """Send a frame with a ``clientId``, or the same over HTTP.

        Returns what was stored, or the error; None: the stream is another one now.
        """
        if self._recorder.rng.random() < 0.5:
            return await self._by_socket(frame, what)
        verb, path, body = _route(frame)
        key = frame["clientId"] if verb in {"POST", "PATCH"} else ""
        answer = await self.http(verb, path, what, body=body, key=key)
        return None if answer is None else answer.body

    async def _by_socket(self, frame: Json, what: str) -> Json | None:
        recorder, life = self._recorder, self._recorder.chat
        with recorder.trying(what, self._account.name):
            while life is recorder.chat and not recorder.leaving.is_set():
                there = [one for one in self._devices if one.socket is not None]
                if not there:
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
                answer = await _asked(recorder.rng.choice(there), frame)
                if life is not recorder.chat:
                    return None
                if answer is not None and answer.get("code") not in RETRY:
                    return answer
                await asyncio.sleep(_AGAIN_SECONDS)
        return None


async def _asked(device: Device, frame: Json) -> Json | None:
    """Send a frame and wait for its reply; None: there is none."""
    socket = device.socket
    if socket is None:
        return None
    reply: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
    device.answers[frame["clientId"]] = reply
    socket.send_json(frame)
    await asyncio.wait((reply, socket.closed), timeout=_ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    device.answers.pop(frame["clientId"], None)
    return reply.result() if reply.done() else None


def _route(frame: Json) -> tuple[str, str, Json | None]:
    """Return the HTTP request that does what a frame does."""
    room = f"/api/v1/chat/rooms/{frame['room']}/messages"
    message = f"{room}/{frame.get('id', '')}"
    match frame["type"]:
        case "send":
            body = {name: value for name, value in frame.items() if name not in {"type", "clientId", "room"}}
            return "POST", room, body
        case "edit":
            return "PATCH", message, {"text": frame["text"]}
        case "delete":
            return "DELETE", message, None
        case "react":
            return "PUT" if frame["on"] else "DELETE", f"{message}/reactions/{quote(frame['emoji'])}", None
        case _:
            return "PUT" if frame["on"] else "DELETE", f"{message}/pin", None
