"""Streams on a disk that has less room than they may grow to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opsroom_messaging.client.connection import BrokerUnavailableError, BrokerUnusableError, connect
from opsroom_messaging.jetstream.streams import (
    StreamSpec,
    audit_stream,
    chat_stream,
    cloud_stream,
    ensure_stream,
    gateways_bucket,
    members_stream,
)
from opsroom_testkit.broker import BrokerProcess

MIB = 1024**2
CHAT = chat_stream(max_age=3600, max_bytes=4096 * MIB, replicas=1)
AUDIT = audit_stream(max_age=3600, max_bytes=1024 * MIB, replicas=1)
ALL = (
    CHAT,
    members_stream(replicas=1),
    gateways_bucket(replicas=1),
    cloud_stream(max_age=3600, replicas=1),
    AUDIT,
)


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[BrokerProcess]:
    """A broker that may store 750 MiB: what the smallest disk of a host leaves it."""
    process = BrokerProcess(tmp_path, 750 * MIB)
    await process.start()
    yield process
    await process.stop()


async def made(process: BrokerProcess, *specs: StreamSpec) -> dict[str, int | None]:
    """Have the streams, as a service does at its start; answers what each may hold, in bytes."""
    broker = await connect(process.url, name="test")
    try:
        for spec in specs:
            await ensure_stream(broker, spec)
        names = (spec.name for spec in specs)
        return {name: (await broker.jetstream.stream_info(name)).config.max_bytes for name in names}
    finally:
        await broker.close()


@pytest.mark.parametrize("specs", [(CHAT, AUDIT), (AUDIT, CHAT)], ids=["messages first", "audit first"])
async def test_streams_are_as_large_as_there_is_room_and_that_is_told(
    small: BrokerProcess, caplog: pytest.LogCaptureFixture, specs: tuple[StreamSpec, ...]
) -> None:
    assert await made(small, *specs) == {"CHAT": 256 * MIB, "AUDIT": 256 * MIB}
    told = "stream {} holds {} bytes at most, not {}: the broker's disk has no room for more"
    assert set(caplog.messages) == {
        told.format("CHAT", 256 * MIB, 4096 * MIB),
        told.format("AUDIT", 256 * MIB, 1024 * MIB),
    }


async def test_they_are_there_again_though_the_disk_has_filled_and_grow_when_it_has_room(
    small: BrokerProcess,
) -> None:
    before = await made(small, *ALL)
    await small.stop()
    small.room = 100 * MIB
    await small.start()
    assert await made(small, *ALL) == before
    await small.stop()
    small.room = 8192 * MIB
    await small.start()
    after = await made(small, *ALL)
    assert (after["CHAT"], after["AUDIT"]) == (4096 * MIB, 1024 * MIB)


async def test_where_there_is_next_to_none_one_is_told_what_to_do(small: BrokerProcess) -> None:
    await small.stop()
    small.room = 50 * MIB
    await small.start()
    with pytest.raises(BrokerUnusableError, match="no room for stream CHAT: free some") as refused:
        await made(small, CHAT)
    assert not isinstance(refused.value, BrokerUnavailableError), "waiting will not change it"
