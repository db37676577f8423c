"""Wait for conditions instead of sleeping."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

PATIENCE_SECONDS = 30.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.01, 0.2
"""The pauses between two checks: short at first, longer later, so that checking costs little."""
ResultT = TypeVar("ResultT")


async def until(condition: Callable[[], object], timeout: float = PATIENCE_SECONDS) -> None:
    """Wait until ``condition()`` is true. Raises TimeoutError after ``timeout`` seconds."""
    async with asyncio.timeout(timeout):
        pause = _pauses()
        while not condition():
            await asyncio.sleep(next(pause))


async def until_answer(
    ask: Callable[[], Awaitable[ResultT]],
    wanted: Callable[[ResultT], object],
    timeout: float = PATIENCE_SECONDS,
) -> ResultT:
    """Call ``ask`` until its result is ``wanted``, and return it. Raises TimeoutError after ``timeout`` s."""
    async with asyncio.timeout(timeout):
        pause = _pauses()
        while not wanted(answer := await ask()):
            await asyncio.sleep(next(pause))
        return answer


def _pauses() -> Iterator[float]:
    """Yield pauses, each half as long again as the last."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
