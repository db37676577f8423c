"""Waiting for a condition, instead of for a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

PATIENCE_SECONDS = 30.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.01, 0.2
"""Between two looks: what is soon so is seen soon, and what takes long is not held up by being looked at."""
ResultT = TypeVar("ResultT")


async def until(condition: Callable[[], object], timeout: float = PATIENCE_SECONDS) -> None:
    """Wait until ``condition()`` is true; TimeoutError after ``timeout`` seconds."""
    async with asyncio.timeout(timeout):
        pause = _pauses()
        while not condition():
            await asyncio.sleep(next(pause))


async def until_answer(
    ask: Callable[[], Awaitable[ResultT]],
    wanted: Callable[[ResultT], object],
    timeout: float = PATIENCE_SECONDS,
) -> ResultT:
    """Ask again until the answer is ``wanted``; TimeoutError after ``timeout`` seconds."""
    async with asyncio.timeout(timeout):
        pause = _pauses()
        while not wanted(answer := await ask()):
            await asyncio.sleep(next(pause))
        return answer


def _pauses() -> Iterator[float]:
    """Half as long again each time."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
