"""Simulated operators: each follows all events, sends commands, and waits for their final events."""

import asyncio
import json
import time
from contextlib import suppress
from math import inf
from urllib.parse import urlencode

from opsroom_contracts.cloud.commands import COMMANDS, CREATING, Command
from tests.faults.clients.commander import COMMAND_PATH, Commander, LaneEndedError, Order
from tests.faults.clients.http_client import Json, event_stream, request
from tests.faults.clients.recorder import Failures, Recorder
from tests.faults.verification.cloud_history import Accepted, CloudLife, Snapshot
from tests.faults.verification.readers import Reader, Segment

_FINAL_SECONDS = 120.0
_LOOK_SECONDS = 1.0
_SNAPSHOT_SECONDS = 4.0
_CYCLE = tuple(spec for spec in COMMANDS.values() if spec.command is not Command.CREATE)
"""The commands of a lane, in the order of the table: each is valid after the one before."""


class OperatorClient:
    """An operator with several lanes. Each lane takes one server after another through its lifecycle.

    ``away_seconds``: they disconnect again and again, for this many seconds at most; 0: never.
    """

    def __init__(
        self, recorder: Recorder, ports: list[int], name: str, token: str, away_seconds: float = 0.0
    ) -> None:
        self.name = name
        self._away_seconds = away_seconds
        self.fold: dict[str, str] = {}
        self.commander = Commander(recorder, ports, name, token)
        self.ready = asyncio.Event()
        self._recorder = recorder
        self._ports = ports
        self._headers = {"Authorization": f"Bearer {token}"}
        self._reader = Reader(name)
        self._life: CloudLife | None = None
        self._where = ""
        self._was_reset = False
        self._restarted = False
        self._seq = 0
        self._known = self._epoch = self._timestamp = ""
        self._finals: dict[str, asyncio.Future[str]] = {}
        self._early: dict[str, str] = {}
        self._snapshots: list[Snapshot] = []
        self._given: list[Order] = []

    @property
    def seq(self) -> int:
        """The last sequence number received of the present stream."""
        return self._seq if self._life is self._recorder.cloud else 0

    # -- following

    async def follow(self) -> None:
        """Maintain the list from a snapshot on, through all interruptions."""
        lost: float | None = None
        while not self._recorder.leaving.is_set():
            with suppress(OSError, ValueError):
                await self._follow_once(lost)
            if self._reader.segments:
                last = self._reader.segments[-1]
                last.closed = min(last.closed, time.time())
            lost = time.time()
            if self._away_seconds and not self._recorder.stopping.is_set():
                lost = None
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._recorder.rng.uniform(0.5, self._away_seconds)):
                        await self._recorder.stopping.wait()
            await asyncio.sleep(self._recorder.rng.uniform(0, 0.3))

    async def _follow_once(self, lost: float | None) -> None:
        port = self._recorder.rng.choice(self._ports)
        if not self.ready.is_set():
            snapshot = await self.snapshot()
            self._known = self._epoch
            self._seq, self.fold = snapshot.seq, dict(snapshot.listed)
            self._epoch, self._timestamp = snapshot.epoch, snapshot.timestamp
            self._restarted = self._was_reset or self._restarted
            self._forget_ended()
            self._begin(reset=self._was_reset)
            self._was_reset = False
        known = {"epoch": self._epoch, "timestamp": self._timestamp}
        position = {"since": self._seq, **{name: value for name, value in known.items() if value}}
        path = f"/api/v1/cloud/events?{urlencode(position)}"
        async with event_stream(port, path, self._headers) as stream:
            self._where = self._recorder.places.get(stream.gateway, "")
            if lost is not None:
                self._recorder.waited(lost, "to follow the events", self.name)
            if self.ready.is_set():
                self._begin(reset=False)
            else:
                self._reader.segments[-1].where = self._where
            self.ready.set()
            until = time.time() + self._recorder.rng.uniform(3, 10) if self._away_seconds else inf
            async for event in stream.events:
                self._take(event)
                if time.time() > until and not self._recorder.stopping.is_set():
                    return

    def _forget_ended(self) -> None:
        """Stop waiting for operations that ended before the list: their final events never come here."""
        pending = {shown.partition(" ")[2] for shown in self.fold.values()}
        for operation in self._finals.keys() - pending:
            self._finals.pop(operation).cancel()

    def _begin(self, *, reset: bool) -> None:
        if self._life is not self._recorder.cloud:
            self._life = self._recorder.cloud
            self._reader = Reader(self.name)
            self._life.watchers.append(self._reader)
            self._snapshots.clear()
            self._given.clear()
        fresh = not self.ready.is_set() and not reset
        segment = Segment(self._seq, reset=reset, fresh=fresh, where=self._where, opened=time.time())
        segment.known, segment.epoch = self._known if reset else self._epoch, self._epoch
        self._reader.segments.append(segment)

    def stay(self) -> None:
        """Mark the reader as one that was there at the end."""
        if self._life is self._recorder.cloud:
            self._reader.stayed = True
        elif self._recorder.cloud.events:
            self._recorder.record_violation(f"{self.name} saw no events")

    async def look(self) -> None:
        """Take snapshots now and then, to compare them with the list that the events give."""
        await self.ready.wait()
        failures = Failures(self._recorder, "to read the list", self.name)
        while not self._recorder.stopping.is_set():
            try:
                self._snapshots.append(await self.snapshot())
                failures.ended()
            except OSError:
                failures.failed()
            await asyncio.sleep(self._recorder.rng.uniform(0.5, 1.5) * _SNAPSHOT_SECONDS)
        failures.ended()

    async def snapshot(self) -> Snapshot:
        """Return a new list and its sequence number.

        Raises:
            OSError: the request failed.
        """
        asked, life = time.time(), self._recorder.cloud
        port = self._recorder.rng.choice(self._ports)
        answer = await request(port, "GET", COMMAND_PATH, headers=self._headers)
        if answer.status != 200 or life is not self._recorder.cloud:
            raise ConnectionError(f"the list: {answer.status}")
        listed = {one["id"]: _shown(one) for one in answer.body["instances"]}
        found = answer.body
        epoch, timestamp = found.get("epoch") or "", found.get("timestamp") or ""
        return Snapshot(self.name, int(found["seq"]), listed, None, asked, epoch, timestamp)

    def _take(self, event: Json) -> None:
        data = json.loads(event["data"])
        seq = int(event["id"])
        if event["event"] == "reset":
            self._recorder.resets += 1
            self.ready.clear()
            self._was_reset = True
            if self._reader.segments and not len(self._reader.segments[-1].seqs):
                self._reader.segments.pop()
            raise ConnectionError("reset")
        if self._life is not self._recorder.cloud:
            self._begin(reset=False)
        self._compare(seq)
        self._seq, self._timestamp = seq, data["timestamp"]
        self._reader.segments[-1].seqs.append(seq)
        self._reader.segments[-1].arrivals.arrived(seq, time.time())
        instance, kind = data["instanceId"], data["type"]
        operation, command = data.get("operationId", ""), data.get("command", "")
        shown = "|".join((kind, operation, instance, command, data["state"]))
        if self._recorder.cloud.contents.setdefault(seq, shown) != shown:
            self._recorder.record_violation(f"{self.name} saw another event at {seq} than others")
        if kind == "adopted" and not operation:
            self._recorder.stray(instance)
        pending = (data.get("instance") or {}).get("pending")
        goes_on = pending["id"] if pending else ""
        if operation and operation != goes_on:
            self._settle(operation, kind)
        if kind == "removed" or (command in CREATING and kind in {"cancelled", "failed"}):
            self.fold.pop(instance, None)
        else:
            self.fold[instance] = f"{data['state']} {operation if kind == 'received' else goes_on}"

    def _compare(self, coming: int) -> None:
        """Compare snapshots of the current state, before the event ``coming`` changes it."""
        later = []
        for snapshot in self._snapshots:
            if snapshot.seq >= coming:
                later.append(snapshot)
            else:
                self.compare(snapshot)
        self._snapshots = later

    def compare(self, snapshot: Snapshot) -> None:
        """Record a list, and what this client has followed, if that is of the same sequence."""
        followed = dict(self.fold) if snapshot.seq >= self._seq else None
        self._recorder.cloud.snapshots.append(
            Snapshot(snapshot.who, snapshot.seq, snapshot.listed, followed, snapshot.at)
        )

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
        while not self._recorder.stopping.is_set():
            life += 1
            with suppress(LaneEndedError):
                await self._one_life(f"{self.name}.{number}.{life}")

    async def _one_life(self, key: str) -> None:
        life = self._recorder.cloud
        created = await self._command(Order("create", "", f"{key}.create"))
        if created is None:
            return
        for spec in _CYCLE:
            done = None
            attempt = 0
            while done is None:  # a command that was cancelled or failed is sent again
                if life is not self._recorder.cloud:
                    raise LaneEndedError  # the streams are others now, perhaps without this server
                attempt += 1
                done = await self._command(
                    Order(spec.command.value, created, f"{key}.{spec.command.value}.{attempt}")
                )

    async def _command(self, order: Order) -> str | None:
        """Send a command and wait for its end. Returns the server's id; None if it had no effect."""
        accepted = await self.commander.accepted(order)
        self._given.append(order)
        dice = self._recorder.rng.random()
        if dice < 0.08 and self._given:  # a duplicate: of this command, or of an old one
            again = order if dice < 0.04 else self._recorder.rng.choice(self._given)
            await self.commander.accepted(again, repeated=True)
        elif dice < 0.12:
            await self.commander.cancel(accepted)
        if await self.final(accepted) in {"cancelled", "failed"}:
            return None
        return accepted.instance

    async def final(self, accepted: Accepted) -> str:
        """Wait for the end of an operation. Returns the type of its final event.

        Raises:
            LaneEndedError: there is none, because the streams are other ones now.
        """
        known = self._early.pop(accepted.operation, None)
        if known is not None:
            return known
        life, deadline = self._recorder.cloud, time.time() + _FINAL_SECONDS
        waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._finals[accepted.operation] = waiting
        while time.time() < deadline:
            await asyncio.wait((waiting,), timeout=_LOOK_SECONDS)
            if waiting.cancelled():
                raise LaneEndedError
            if waiting.done():
                return waiting.result()
            if life is not self._recorder.cloud:
                raise LaneEndedError  # the streams are others now, perhaps without this operation
            if self._restarted and await self.commander.is_over(accepted.operation):
                raise LaneEndedError  # it ended before the list with which this client started again
        self._recorder.record_violation(
            f"{self.name} waited {_FINAL_SECONDS:g} s for the end of {accepted.operation}"
        )
        raise LaneEndedError


def _shown(instance: Json) -> str:
    pending = instance.get("pending")
    return f"{instance['state']} {pending['id'] if pending else ''}"
