"""An admin who moderates, users who are muted and banned, and a reader of the history and the audit."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from math import inf
from urllib.parse import quote

from tests.faults.clients.chat_clients import ChatClient, TokenInvalidError, Visit
from tests.faults.clients.chat_reader import shown_message
from tests.faults.clients.chat_sender import RETRY, SendPolicy
from tests.faults.clients.http_client import Answer, Json, request
from tests.faults.clients.recorder import Acknowledged, Failures, Recorder
from tests.faults.clients.texts import ROOMS, text_of
from tests.faults.verification.cloud_history import AuditRecord
from tests.faults.verification.history import Attempt, HistoryPage, Removal, Restraint, Sent, digest

_AGAIN_SECONDS = 0.2
_SEND_SECONDS = 0.4
_ANSWER_SECONDS = 10.0
_HISTORY_LIMIT = 200
_AUDIT_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Admin:
    """The name and the token of an admin."""

    name: str
    token: str


class Troll(ChatClient):
    """Somebody who sends all the time, muted or not, and records what comes of it."""

    def __init__(self, recorder: Recorder, ports: list[int], name: str) -> None:
        super().__init__(recorder, ports, name, SendPolicy(0, 0))
        self.may_be_banned = True
        self._count = 0
        self._answer: asyncio.Future[Json] | None = None

    async def stay(self) -> None:
        """Send until the load ends. A ban closes the socket and refuses the next one, until it is lifted."""
        await self.register()
        while not self._recorder.stopping.is_set():
            with suppress(OSError, TokenInvalidError):
                async with Visit(self):
                    await self._send_on()
            await asyncio.sleep(self._recorder.rng.uniform(0.2, 0.6))
        with suppress(OSError, TokenInvalidError, TimeoutError):
            async with Visit(self):
                await self.exit()

    async def _send_on(self) -> None:
        socket = self.socket
        assert socket is not None
        while not self._recorder.stopping.is_set():
            self._count += 1
            key = f"{self.name}.{self._owner[:6]}.{self._count}"
            self._recorder.history.sent[key] = Sent(ROOMS[0], self.name, digest(text_of(key)))
            begun = time.time()
            self._answer = asyncio.get_running_loop().create_future()
            socket.send_json({"type": "send", "clientId": key, "room": ROOMS[0], "text": text_of(key)})
            await asyncio.wait(
                (self._answer, socket.closed), timeout=_ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if not self._answer.done():
                return
            frame = self._answer.result()
            result = "ack" if frame["type"] == "ack" else frame["code"]
            if result not in RETRY:
                self._recorder.history.attempts.append(Attempt(self.name, key, begun, time.time(), result))
            if result == "ack":
                self._recorder.chat.acks.append((key, int(frame["seq"])))
            await asyncio.sleep(self._recorder.rng.uniform(0.5, 1.5) * _SEND_SECONDS)

    def _other(self, frame: Json) -> None:
        if frame["type"] in {"ack", "error"} and "clientId" in frame:
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(frame)
        elif frame["type"] != "error" or frame["code"] != "banned":
            super()._other(frame)


class Moderator:
    """Mutes, bans and lifts, and removes messages, one after another."""

    def __init__(self, recorder: Recorder, ports: list[int], admin: Admin, trolls: list[str]) -> None:
        self._recorder = recorder
        self._ports = ports
        self._admin = admin
        self._trolls = trolls
        self._tried = 0
        self.acts = 0

    async def run(self) -> None:
        """Moderate until the load ends; then lift everything."""
        rng = self._recorder.rng
        while not self._recorder.stopping.is_set():
            for name in self._trolls:
                await self._restrain("ban" if rng.random() < 0.3 else "mute", name)
                await self._remove()

    async def _restrain(self, kind: str, name: str) -> None:
        rng, life = self._recorder.rng, self._recorder.chat
        restraint = Restraint(kind, name, time.time(), inf, self._admin.name)
        path = "/api/v1/chat/mutes" if kind == "mute" else "/api/v1/chat/bans"
        self._recorder.history.restraints.append(restraint)
        # A gateway that sleeps with one of the requests may pass it on after the lift.
        key = {"Idempotency-Key": f"{kind} {name} {restraint.asked}"}
        answer = await self._until_done("POST", path, {"name": name, "reason": "a test"}, kind, headers=key)
        restraint.tries = self._tried
        if answer is None:
            return
        restraint.acked, restraint.ident = time.time(), answer.body["id"]
        await self._pause(rng.uniform(2.0, 6.0))
        restraint.lift_asked = time.time()
        path = f"/api/v1/chat/restrictions/{restraint.ident}"
        answer = await self._until_done("DELETE", path, None, "to lift", missing_ok="restriction_unknown")
        if answer is not None and life is self._recorder.chat:
            restraint.lift_acked = time.time()
        await self._pause(rng.uniform(1.0, 3.0))

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._recorder.stopping.wait()

    async def _remove(self) -> None:
        recorder, life = self._recorder, self._recorder.chat
        if not recorder.removable:
            return
        chosen: Acknowledged = recorder.rng.choice(recorder.removable)
        recorder.removable.remove(chosen)
        place = len(life.removals)
        removal = Removal(chosen.seq, chosen.key, time.time(), None, chosen.ident, self._admin.name)
        life.removals.append(removal)
        path = f"/api/v1/chat/rooms/{chosen.room}/messages/{quote(chosen.ident)}"
        answer = await self._until_done("DELETE", path, None, "to remove", missing_ok="message_unknown")
        if answer is None or life is not recorder.chat:
            return
        if answer.status == HTTPStatus.NOT_FOUND:
            life.removals[place] = replace(removal, unknown=True)
        else:
            life.removals[place] = replace(removal, done=time.time())
            recorder.record_removal(chosen.seq)

    async def _until_done(
        self,
        verb: str,
        path: str,
        body: object,
        what: str,
        *,
        headers: dict[str, str] | None = None,
        missing_ok: str = "",
    ) -> Answer | None:
        """Send a request until it succeeds; None: it can't any more, since the streams are others now.

        ``missing_ok``: a later try may get this code: an earlier one had succeeded, or time has passed.
        """
        recorder, life = self._recorder, self._recorder.chat
        headers = {"Authorization": f"Bearer {self._admin.token}", **(headers or {})}
        self._tried = 0
        with recorder.trying(what, self._admin.name):
            while life is recorder.chat and not recorder.leaving.is_set():
                self._tried += 1
                try:
                    port = recorder.rng.choice(self._ports)
                    answer = await request(port, verb, path, headers=headers, body=body)
                except OSError:
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
                if 200 <= answer.status < 300:
                    self.acts += 1
                    return answer
                code = answer.body.get("code")
                if code == missing_ok and self._tried > 1:
                    return answer
                if code not in RETRY and life is recorder.chat:
                    recorder.record_violation(f"{what} {path}: {answer.status} {answer.body}")
                    return None
                await asyncio.sleep(_AGAIN_SECONDS)
        return None


class Auditor:
    """Reads pages of the audit and of the history all the time."""

    def __init__(self, recorder: Recorder, ports: list[int], admin: Admin) -> None:
        self._recorder = recorder
        self._ports = ports
        self._headers = {"Authorization": f"Bearer {admin.token}"}

    async def run(self) -> None:
        """Read until the load ends."""
        rng = self._recorder.rng
        history = Failures(self._recorder, "to read the history", "the auditor")
        audit = Failures(self._recorder, "to read the audit", "the auditor")
        while not self._recorder.stopping.is_set():
            history.ended() if await self.read_history(rng.choice(ROOMS)) else history.failed()
            audit.ended() if await self._read_audit() else audit.failed()
            await asyncio.sleep(rng.uniform(0.5, 1.5))
        history.ended()
        audit.ended()

    async def read_history(self, room: str) -> bool:
        """Read the newest page of a room. Returns whether that succeeded."""
        asked, life = time.time(), self._recorder.chat
        path = f"/api/v1/chat/rooms/{room}/messages?limit={_HISTORY_LIMIT}"
        answer = await self._get(path)
        if answer is not None and life is self._recorder.chat:
            shown = {int(one["seq"]): shown_message(one) for one in answer.body["messages"]}
            life.pages.append(HistoryPage(room, asked, shown))
        return answer is not None

    async def _read_audit(self) -> bool:
        life = self._recorder.cloud
        answer = await self._get(f"/api/v1/audit?limit={_AUDIT_LIMIT}")
        if answer is not None and life is self._recorder.cloud:
            life.audit_pages.append([_record(one) for one in answer.body["entries"]])
        return answer is not None

    async def _get(self, path: str) -> Answer | None:
        try:
            answer = await request(self._recorder.rng.choice(self._ports), "GET", path, headers=self._headers)
        except OSError:
            return None
        if answer.status == 200:
            return answer
        if answer.body.get("code") not in RETRY:
            self._recorder.record_violation(f"{path}: {answer.status} {answer.body}")
        return None


def _record(one: Json) -> AuditRecord:
    entry = one["entry"]
    return AuditRecord(
        int(one["seq"]),
        entry["id"],
        0.0,
        entry["outcome"],
        entry["action"],
        entry["actor"],
        entry.get("target", ""),
        entry.get("operationId", ""),
        entry.get("code", ""),
    )
