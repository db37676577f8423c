"""Frames that come in floods are written together, and each reader gets those that are for it."""

import asyncio
import gc
from typing import cast
from weakref import ref

from opsroom_gateway.fanout.paced_broadcaster import PacedBroadcaster
from opsroom_gateway.transport.connection import NO_DESCRIPTOR, ClientConnection, DescriptorCache
from opsroom_testkit.waiting import until


class Reader:
    """A connection that keeps what is written to it."""

    deflate = False
    write_descriptor = NO_DESCRIPTOR

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def watch(self, _cache: DescriptorCache) -> None:
        """The descriptor never changes."""

    unwatch = watch

    def write(self, frames: bytes) -> bool:
        self.writes.append(frames)
        return True

    def write_buffered(self, frames: bytes, _sent: int) -> bool:
        return self.write(frames)

    @property
    def text(self) -> bytes:
        return b"".join(self.writes)


def subscribed(broadcaster: PacedBroadcaster, count: int = 1) -> list[Reader]:
    readers = [Reader() for _ in range(count)]
    for reader in readers:
        broadcaster.subscribe(cast("ClientConnection", reader))
    return readers


async def test_nothing_is_kept_of_a_reader_that_has_gone() -> None:
    """The next frame, which would find out, may take hours."""
    broadcaster = PacedBroadcaster()
    readers = subscribed(broadcaster, 2)
    broadcaster.publish(b"hello")
    await until(lambda: readers[1].text == b"hello")
    gone = ref(readers[1])
    broadcaster.unsubscribe(cast("ClientConnection", readers.pop()))
    gc.collect()
    assert gone() is None
    broadcaster.publish(b", again")
    await until(lambda: readers[0].text == b"hello, again")


async def test_a_flood_is_a_few_writes() -> None:
    broadcaster = PacedBroadcaster()
    first, *_ = readers = subscribed(broadcaster, 1000)
    for number in range(100):
        broadcaster.publish(b"%d," % number)
        await asyncio.sleep(0)  # each in another iteration of the event loop
    await until(lambda: all(reader.text.endswith(b"99,") for reader in readers))
    assert first.text == b"".join(b"%d," % number for number in range(100))
    assert len(first.writes) < 20


async def test_a_reader_gets_what_is_published_after_it_has_subscribed() -> None:
    broadcaster = PacedBroadcaster()
    (early,) = subscribed(broadcaster)
    broadcaster.publish(b"a")
    (late,) = subscribed(broadcaster)
    broadcaster.publish(b"b")
    (gone,) = subscribed(broadcaster)
    broadcaster.unsubscribe(cast("ClientConnection", gone))
    broadcaster.publish(b"c")
    await until(lambda: early.text == b"abc")
    assert late.text == b"bc"
    broadcaster.publish(b"d")
    await until(lambda: late.text == b"bcd")
    assert early.text == b"abcd"
    assert gone.text == b""


async def test_without_readers_nothing_is_kept() -> None:
    broadcaster = PacedBroadcaster()
    broadcaster.publish(b"a")
    (reader,) = subscribed(broadcaster)
    broadcaster.publish(b"b")
    await until(lambda: reader.text == b"b")
    broadcaster.publish(b"c")
    broadcaster.publish(b"d")
    broadcaster.close()
    await asyncio.sleep(0)
    assert not reader.text.endswith(b"d")
