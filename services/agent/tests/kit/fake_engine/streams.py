"""The log and the statistics of a container of the fake engine."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from services.agent.tests.kit.fake_engine.containers import NEVER, FakeContainer, now

_MEGABYTE = 2**20


async def log_frames(container: FakeContainer, query: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Yield a log as the engine frames it; one that is followed ends with the container."""
    tail, since = query.get("tail", "all"), _nanoseconds(query.get("since", "0"))
    lines = container.log
    sent = 0 if tail == "all" else max(0, len(lines) - int(tail))
    while True:
        changed = container.changed
        for source, at, text in lines[sent:]:
            sent += 1
            if _time(at) >= since:
                yield _frame(container, source, f"{at} {text}\n".encode())
        if query.get("follow") != "1" or not container.running:
            return
        await changed.wait()


def usage(container: FakeContainer) -> dict[str, Any]:
    """Return one sample: half a core since the fake engine has been running, and three megabytes."""
    running = container.running
    total = int(asyncio.get_running_loop().time() * 0.5e9)
    memory = {"usage": 4 * _MEGABYTE, "stats": {"inactive_file": _MEGABYTE}, "limit": 32 * _MEGABYTE}
    return {
        "read": now() if running else NEVER,
        "cpu_stats": {"cpu_usage": {"total_usage": total if running else 0}},
        "memory_stats": memory if running else {},
    }


def _frame(container: FakeContainer, source: int, data: bytes) -> bytes:
    if container.body.get("Tty"):
        return data
    return bytes((source, 0, 0, 0)) + len(data).to_bytes(4, "big") + data


def _time(at: str) -> int:
    moment = datetime.fromisoformat(at)
    return int(moment.replace(microsecond=0).timestamp()) * 10**9 + moment.microsecond * 1000


def _nanoseconds(seconds: str) -> int:
    whole, _, rest = seconds.partition(".")
    return int(whole) * 10**9 + int(rest.ljust(9, "0"))
