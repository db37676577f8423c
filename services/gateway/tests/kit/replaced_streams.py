"""A portal whose streams are replaced while it runs, in each of the ways in which an operator can do it."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from opsroom_contracts.subjects import CHAT_STREAM, CLOUD_STREAM, MEMBERS_STREAM
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.jetstream.streams import chat_stream, cloud_stream, ensure_stream, members_stream
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until, until_answer
from services.gateway.tests.kit.portal import Address, portal_at

RECREATED, PURGED, RESTORED = "recreated", "purged", "restored"
WAYS = (RECREATED, PURGED, RESTORED)
_DAY_SECONDS = 86_400.0
_SPECS = {
    CHAT_STREAM: chat_stream(max_age=_DAY_SECONDS, max_bytes=2**26, replicas=1),
    MEMBERS_STREAM: members_stream(replicas=1),
    CLOUD_STREAM: cloud_stream(max_age=_DAY_SECONDS, replicas=1),
}


@dataclass(slots=True)
class LivingPortal:
    """A portal with its broker. ``way``: how a stream is replaced."""

    process: BrokerProcess
    broker: NatsConnection
    address: Address
    folder: Path
    way: str

    async def back_up(self, stream: str) -> None:
        """Copy the stream's files, from which it may be restored."""
        if self.way == RESTORED:
            await self._while_stopped(lambda: shutil.copytree(self._files(stream), self.folder))

    async def replace(self, stream: str) -> None:
        """Replace the stream in the chosen way, under all running processes."""
        if self.way == PURGED:
            await self.broker.jetstream.purge_stream(stream)
        elif self.way == RECREATED:
            await self.broker.jetstream.delete_stream(stream)
            await ensure_stream(self.broker, _SPECS[stream])
        else:
            await self._while_stopped(lambda: self._restore(stream))

    async def _while_stopped(self, work: Callable[[], object]) -> None:
        await self.process.stop()
        work()
        await self.process.start()
        await until(lambda: self.broker.connected)
        await until_answer(self._is_ready, bool)

    async def _is_ready(self) -> bool:
        async with self.address.requests() as client:
            return (await client.get("/readyz")).status_code == 200

    def _files(self, stream: str) -> Path:
        return self.process.stream_folder(stream)

    def _restore(self, stream: str) -> None:
        shutil.rmtree(self._files(stream))
        shutil.copytree(self.folder, self._files(stream))


@asynccontextmanager
async def living_portal(tmp_path: Path, way: str) -> AsyncIterator[LivingPortal]:
    """Run a portal with its own broker."""
    data = tmp_path / "broker"
    data.mkdir()
    process = BrokerProcess(data)
    await process.start()
    try:
        broker = await connect(process.url, name="test")
        async with portal_at(process.url) as portal:
            yield LivingPortal(process, broker, portal.gateway, tmp_path / "backup", way)
        await broker.close()
    finally:
        await process.stop()


async def until_seen(look: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Call ``look`` until it returns ``wanted``."""
    await until_answer(look, lambda seen: seen == wanted)
