"""Waiting for a condition, instead of for a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE_SECONDS = 30.0
ResultT = TypeVar("ResultT")


async def until(condition: Callable[[], object], timeout: float = PATIENCE_SECONDS) -> None:
    """Wait until ``condition()`` is true; TimeoutError after ``timeout`` seconds."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.01)


async def until_answer(
    ask: Callable[[], Awaitable[ResultT]],
    wanted: Callable[[ResultT], object],
    timeout: float = PATIENCE_SECONDS,
) -> ResultT:
    """Ask again until the answer is ``wanted``; TimeoutError after ``timeout`` seconds."""
    async with asyncio.timeout(timeout):
        while not wanted(answer := await ask()):
            await asyncio.sleep(0.02)
        return answer
