"""Simulated operators: each follows all events, sends commands, and waits for their final events."""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass

from opsroom_contracts.cloud.commands import COMMANDS, Command
from tests.faults.clients.chat_socket import Json
from tests.faults.clients.http_client import Answer, event_stream, request
from tests.faults.clients.recorder import Recorder, notify
from tests.faults.verification.history import Accepted, Reader, Segment, StateComparison

_FINAL_SECONDS = 120.0
_SNAPSHOT_SECONDS = 4.0
_PATH = "/api/v1/cloud/instances"
_CYCLE = tuple(spec for spec in COMMANDS.values() if spec.command is not Command.CREATE)
"""The commands of a lane, in the order of the table: each is valid after the one before."""


class LaneEndedError(Exception):
    """A lane ends: a command was rejected unexpectedly, or the run is over."""


@dataclass(frozen=True, slots=True)
class _Command:
    """A command, which may be sent again."""

    command: str
    verb: str
    path: str
    key: str


class OperatorClient:
    """An operator with several lanes. Each lane takes one server after another through its lifecycle."""

    def __init__(self, recorder: Recorder, ports: list[int], name: str) -> None:
        self.name = name
        self.reader = Reader(name)
        self.fold: dict[str, str] = {}
        self._recorder = recorder
        self._ports = ports
        self._seq = 0
        self._finals: dict[str, asyncio.Future[str]] = {}
        self._early: dict[str, str] = {}
        self._snapshots: list[tuple[int, dict[str, str]]] = []
        self._given: list[_Command] = []
        self.ready = asyncio.Event()

    @property
    def seq(self) -> int:
        """The last sequence number received."""
        return self._seq

    # -- following

    async def follow(self) -> None:
        """Maintain the list from a snapshot on, through all interruptions."""
        lost: float | None = None
        while not self._recorder.leaving.is_set():
            try:
                if not self.ready.is_set():
                    self._seq, self.fold = await self.snapshot()
                    self.reader.segments.append(Segment(self._seq, reset=bool(self.reader.segments)))
                port, headers = self._port(), {"Last-Event-ID": str(self._seq)}
                async with event_stream(port, "/api/v1/cloud/events", headers) as events:
                    if lost is not None:
                        self._recorder.waited(lost)
                    self.ready.set()
                    async for event in events:
                        self._take(event)
            except (OSError, ValueError):
                pass
            lost = time.time()
            await asyncio.sleep(self._recorder.rng.uniform(0, 0.3))

    async def look(self) -> None:
        """Take snapshots now and then, to compare them with the list that the events give."""
        await self.ready.wait()
        while not self._recorder.stopping.is_set():
            with suppress(OSError):
                self._snapshots.append(await self.snapshot())
            await asyncio.sleep(self._recorder.rng.uniform(0.5, 1.5) * _SNAPSHOT_SECONDS)

    async def snapshot(self) -> tuple[int, dict[str, str]]:
        """Return a new list and its sequence number.

        Raises:
            OSError: the request failed.
        """
        answer = await request(self._port(), "GET", _PATH)
        if answer.status != 200:
            raise ConnectionError(f"the list: {answer.status}")
        return int(answer.body["seq"]), {one["id"]: _shown(one) for one in answer.body["instances"]}

    def _take(self, event: Json) -> None:
        data = json.loads(event["data"])
        seq = int(event["id"])
        if event["event"] == "reset":
            self._recorder.resets += 1
            self._recorder.record_violation(f"{self.name} was told reset at {seq}, having seen {self._seq}")
            self.ready.clear()
            raise ConnectionError("reset")
        self._compare(seq)
        self._seq = seq
        self.reader.segments[-1].seqs.append(seq)
        digest = hash(event["data"])
        if self._recorder.history.contents.setdefault(-seq, digest) != digest:
            self._recorder.record_violation(f"{self.name} saw another event at {seq} than others")
        instance, kind = data["instanceId"], data["type"]
        if kind == "received":
            self.fold[instance] = f"{data['state']} {data['operationId']}"
            return
        self._settle(data["operationId"], kind)
        if kind == "removed" or (data["command"] == "create" and kind in {"cancelled", "failed"}):
            self.fold.pop(instance, None)
        else:
            self.fold[instance] = f"{data['state']} "

    def _compare(self, coming: int) -> None:
        """Compare snapshots of the current state, before the event ``coming`` changes it."""
        later = []
        for seq, listed in self._snapshots:
            if seq >= coming:
                later.append((seq, listed))
            elif seq >= self._seq:
                self.compare(seq, listed)
        self._snapshots = later

    def compare(self, seq: int, listed: dict[str, str]) -> None:
        """Record both states at ``seq``; equal ones without their content."""
        same = self.fold == listed
        fold = (
            StateComparison(self.name, seq, {}, {})
            if same
            else StateComparison(self.name, seq, dict(self.fold), listed)
        )
        self._recorder.history.folds.append(fold)

    def _settle(self, operation: str, kind: str) -> None:
        waiting = self._finals.pop(operation, None)
        if waiting is None:
            self._early[operation] = kind
            if len(self._early) > 5000:
                del self._early[next(iter(self._early))]
        elif not waiting.done():
            waiting.set_result(kind)

    # -- commanding

    async def lane(self, number: int) -> None:
        """Take servers through their lifecycle, one after another."""
        await self.ready.wait()
        life = 0
        with suppress(LaneEndedError):
            while not self._recorder.stopping.is_set():
                life += 1
                await self._one_life(f"{self.name}.{number}.{life}")

    async def _one_life(self, key: str) -> None:
        created = await self._command("create", "POST", _PATH, f"{key}.create")
        if created is None:
            return
        for spec in _CYCLE:
            command, where = spec.command.value, "/api/v1/cloud" + spec.path.format(instance_id=created)
            done = None
            attempt = 0
            while done is None:  # a cancelled command is sent again
                attempt += 1
                done = await self._command(command, spec.method, where, f"{key}.{command}.{attempt}")

    async def _command(self, command: str, verb: str, path: str, key: str) -> str | None:
        """Send a command and wait for its end. Returns the instance's id, or None if it was cancelled."""
        given = _Command(command, verb, path, key)
        accepted = await self._accepted(given)
        self._given.append(given)
        dice = self._recorder.rng.random()
        if dice < 0.08:  # a duplicate: of this command, or of an old one
            again = given if dice < 0.04 else self._recorder.rng.choice(self._given)
            await self._accepted(again, repeated=True)
        elif dice < 0.12:
            await self._cancel(accepted)
        if await self._final(accepted.operation) == "cancelled":
            return None
        return accepted.instance

    async def _accepted(self, given: "_Command", *, repeated: bool = False) -> Accepted:
        begun = time.time()
        history = self._recorder.history
        history.asked.add(given.key)
        while True:
            answer = await self._ask(given.verb, given.path, {"Idempotency-Key": given.key})
            if answer.status == 202:
                operation = answer.body["operation"]
                accepted = Accepted(
                    operation["id"],
                    given.command,
                    operation["instanceId"],
                    given.key,
                    begun,
                    time.time(),
                )
                self._recorder.accepted(accepted, repeated=repeated)
                return accepted
            if answer.body.get("code") not in {"idempotency_in_flight", "unavailable", "overloaded"}:
                self._recorder.record_violation(f"{given.command} {given.key}: {answer.status} {answer.body}")
                raise LaneEndedError
            await asyncio.sleep(0.1)

    async def _cancel(self, accepted: Accepted) -> None:
        while True:
            answer = await self._ask("DELETE", f"/api/v1/cloud/operations/{accepted.operation}", {})
            if answer.status == 200:
                accepted.cancelled = True
                return
            code = answer.body.get("code")
            if code == "operation_finished":
                return
            if code not in {"unavailable", "overloaded"}:
                self._recorder.record_violation(
                    f"cancelling {accepted.operation}: {answer.status} {answer.body}"
                )
                return
            await asyncio.sleep(0.1)

    async def _final(self, operation: str) -> str:
        known = self._early.pop(operation, None)
        if known is not None:
            return known
        waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._finals[operation] = waiting
        try:
            async with asyncio.timeout(_FINAL_SECONDS):
                return await waiting
        except TimeoutError:
            self._recorder.record_violation(
                f"{self.name} waited {_FINAL_SECONDS:g} s for the end of {operation}"
            )
            raise LaneEndedError from None

    async def _ask(self, verb: str, path: str, headers: dict[str, str]) -> Answer:
        """Send a request to gateways at random until one responds."""
        while True:
            try:
                notify(self._recorder.commanding)
                return await request(self._port(), verb, path, headers=headers)
            except OSError:
                await asyncio.sleep(self._recorder.rng.uniform(0.02, 0.2))

    def _port(self) -> int:
        return self._recorder.rng.choice(self._ports)


def _shown(instance: Json) -> str:
    pending = instance.get("pending")
    return f"{instance['state']} {pending['id'] if pending else ''}"
