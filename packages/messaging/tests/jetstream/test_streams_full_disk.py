"""Streams on a disk with less space than their limits."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opsroom_messaging.client.connection import connect
from opsroom_messaging.errors import BrokerUnavailableError, BrokerUnusableError
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
    """A broker with a storage limit of 750 MiB, as on the smallest disk of a host."""
    process = BrokerProcess(tmp_path, 750 * MIB)
    await process.start()
    yield process
    await process.stop()


async def create(process: BrokerProcess, *specs: StreamSpec) -> dict[str, int | None]:
    """Create the streams, as a service does at its start; returns the limit of each, in bytes."""
    broker = await connect(process.url, name="test")
    try:
        for spec in specs:
            await ensure_stream(broker, spec)
        names = (spec.name for spec in specs)
        return {name: (await broker.jetstream.stream_info(name)).config.max_bytes for name in names}
    finally:
        await broker.close()


@pytest.mark.parametrize("specs", [(CHAT, AUDIT), (AUDIT, CHAT)], ids=["messages first", "audit first"])
async def test_streams_get_smaller_limits_with_a_warning(
    small: BrokerProcess, caplog: pytest.LogCaptureFixture, specs: tuple[StreamSpec, ...]
) -> None:
    assert await create(small, *specs) == {"CHAT": 256 * MIB, "AUDIT": 256 * MIB}
    warning = "stream {} is limited to {} bytes instead of {}: the broker's disk has no space for more"
    assert set(caplog.messages) == {
        warning.format("CHAT", 256 * MIB, 4096 * MIB),
        warning.format("AUDIT", 256 * MIB, 1024 * MIB),
    }


async def test_streams_stay_on_a_full_disk_and_grow_when_there_is_space(
    small: BrokerProcess,
) -> None:
    before = await create(small, *ALL)
    await small.stop()
    small.room = 100 * MIB
    await small.start()
    assert await create(small, *ALL) == before
    await small.stop()
    small.room = 8192 * MIB
    await small.start()
    after = await create(small, *ALL)
    assert (after["CHAT"], after["AUDIT"]) == (4096 * MIB, 1024 * MIB)


async def test_without_space_the_error_says_what_to_do(small: BrokerProcess) -> None:
    await small.stop()
    small.room = 50 * MIB
    await small.start()
    with pytest.raises(BrokerUnusableError, match="no space for stream CHAT: free disk space") as rejected:
        await create(small, CHAT)
    assert not isinstance(rejected.value, BrokerUnavailableError), "waiting will not help"
