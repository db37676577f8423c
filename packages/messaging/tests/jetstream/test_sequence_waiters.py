"""A task that waits for a sequence is woken by it or a later one. One that gives up wakes no other."""

import asyncio

from opsroom_messaging.jetstream.sequence_waiters import SequenceWaiters

PATIENCE_SECONDS = 30.0


async def test_each_is_woken_by_its_sequence_or_a_later_one() -> None:
    waiters = SequenceWaiters()
    waiting = {
        seq: [asyncio.create_task(waiters.wait(seq, PATIENCE_SECONDS)) for _ in range(2)] for seq in (3, 5, 8)
    }
    await asyncio.sleep(0)
    waiters.on_delivered(2)
    await asyncio.sleep(0)
    assert not any(task.done() for tasks in waiting.values() for task in tasks)
    waiters.on_delivered(6)
    assert await asyncio.gather(*waiting[3], *waiting[5]) == [True] * 4
    assert not any(task.done() for task in waiting[8])
    waiters.on_delivered(8)
    assert await asyncio.gather(*waiting[8]) == [True, True]


async def test_one_that_gives_up_does_not_wake_the_others() -> None:
    waiters = SequenceWaiters()
    patient = asyncio.create_task(waiters.wait(1, PATIENCE_SECONDS))
    assert await waiters.wait(1, 0.0) is False
    waiters.on_delivered(0)
    assert not patient.done()
    waiters.on_delivered(1)
    assert await patient is True
