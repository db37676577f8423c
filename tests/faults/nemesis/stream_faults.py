"""Faults of the streams themselves: a restore, and a stream that is deleted and made again."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from math import inf
from typing import TypeVar

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from opsroom_contracts.subjects import CHAT_STREAM, CLOUD_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import UnavailableError
from tests.faults.clients.recorder import Recorder
from tests.faults.cluster.backup import STREAMS, back_up, restore
from tests.faults.cluster.cluster import PortalCluster
from tests.faults.nemesis.plan import Fault
from tests.faults.verification.observer import Observer, patiently

_STILL_SECONDS = 1.5
"""How long after its last writer stopped a gateway may still pass on what it has read."""
_PATIENCE_SECONDS = 90.0
_LOOK_SECONDS = 0.2

Times = tuple[float, float]
ResultT = TypeVar("ResultT")


class StreamFaults:
    """Restores and replaces streams. ``broker``: a connection of the operator."""

    def __init__(
        self, cluster: PortalCluster, recorder: Recorder, broker: NatsConnection, observer: Observer
    ) -> None:
        self._cluster = cluster
        self._recorder = recorder
        self._broker = broker
        self._observer = observer

    async def restore(self, fault: Fault) -> Times:
        """Back up while everything runs, go on for a while, then do as ``docs/operations.md`` says."""
        copied = time.time()
        backups = [await _again(partial(back_up, self._broker, stream)) for stream in STREAMS]
        await asyncio.sleep(fault.seconds)
        start = time.time()
        services = self._cluster.services()
        await asyncio.gather(*(child.halt() for child in services))
        await patiently(self._observer.catch_up, _PATIENCE_SECONDS)
        kept = {backup.stream: backup.last for backup in backups}
        self._forget_restraints(copied, start)
        async with self._observer.reading:
            self._recorder.begin_chat(kept[CHAT_STREAM])
            self._recorder.begin_cloud(kept[CLOUD_STREAM])
            try:
                for backup in backups:
                    await _again(partial(restore, self._broker, backup))
                for stream in STREAMS:
                    await self._until_replicated(stream)
            finally:
                for child in services:
                    child.resume()
        await asyncio.gather(*(child.wait_restarted() for child in services))
        return start, time.time()

    async def _until_replicated(self, stream: str) -> None:
        """Wait until all nodes have what was restored: one without it could become the leader."""
        deadline = time.time() + _PATIENCE_SECONDS
        while time.time() < deadline:
            info = await _again(lambda: self._broker.jetstream.stream_info(stream))
            replicas = (info.cluster and info.cluster.replicas) or []
            if all(one.current and not one.lag for one in replicas):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _forget_restraints(self, copied: float, start: float) -> None:
        """Mutes since the backup are gone; those that were lifted since then are in force again."""
        for restraint in self._recorder.history.restraints:
            if restraint.lift_acked > copied:
                restraint.lift_acked = inf
                restraint.lift_asked = min(restraint.lift_asked, start)

    async def recreate(self, _: Fault) -> Times:
        """Delete the chat's stream under living gateways. A new chat service makes it again."""
        start = time.time()
        chats = self._cluster.chats
        for child in chats:
            child.signal(signal.SIGSTOP)
        await asyncio.sleep(_STILL_SECONDS)
        await patiently(self._observer.catch_up, _PATIENCE_SECONDS)
        epoch = await _again(lambda: self._observer.epoch(CHAT_STREAM))
        async with self._observer.reading:
            self._recorder.begin_chat(0, epoch)
            await _again(lambda: self._broker.jetstream.delete_stream(CHAT_STREAM))
        for child in chats:
            child.signal(signal.SIGKILL, down=0.2)
        await asyncio.gather(*(child.wait_restarted() for child in chats))
        return start, time.time()


async def _again(action: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Try an action until the broker is there."""
    deadline = time.time() + _PATIENCE_SECONDS
    while True:
        try:
            return await action()
        except (NatsError, JetStreamError, UnavailableError, OSError):
            if time.time() > deadline:
                raise
            await asyncio.sleep(0.3)
