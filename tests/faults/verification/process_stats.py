"""Memory and file descriptors of every process over time, and errors in their logs."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import psutil

from tests.faults.cluster.managed_process import ManagedProcess

_EVERY_SECONDS = 2.0
_VARIABLE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|\d+(\.\d+)?")
_MIB = 1024 * 1024


class ProcessStats:
    """Samples of processes, by process id."""

    def __init__(self, children: dict[str, ManagedProcess]) -> None:
        self._children = children
        self._samples: dict[str, dict[int, list[tuple[float, float, int]]]] = {name: {} for name in children}

    async def watch(self) -> None:
        """Take samples until cancelled."""
        while True:
            now = time.time()
            for name, child in self._children.items():
                pid = child.pid
                if pid is None:
                    continue
                try:
                    process = psutil.Process(pid)
                    sample = (now, process.memory_info().rss / _MIB, process.num_fds())
                except psutil.Error:
                    continue
                self._samples[name].setdefault(pid, []).append(sample)
            await asyncio.sleep(_EVERY_SECONDS)

    def figures(self) -> dict[str, dict[str, float]]:
        """Return memory (MiB: first, last, per hour) and descriptors of the longest run of each process."""
        return {
            name: _figures(max(lives.values(), key=len)) for name, lives in self._samples.items() if lives
        }

    def complaints(self, logs: Iterable[Path]) -> list[str]:
        """Return errors and tracebacks in the logs, without numbers and ids, each kind with its count."""
        found: Counter[str] = Counter()
        for log in logs:
            kind = log.stem.partition("-")[0]
            for line in log.read_text(errors="replace").splitlines():
                words = error_in(line)
                if words is not None:
                    found[f"{kind}: {_VARIABLE.sub('#', words)[:200]}"] += 1
        return [f"{count} × {words}" for words, count in found.most_common()]


def error_in(line: str) -> str | None:
    """Return the error in a line of a log; a line that is no log record counts as one."""
    try:
        record = json.loads(line)
        grave = record["level"] in {"error", "critical"}
        return f"{record['logger']}: {record['message']}" if grave else None
    except (ValueError, TypeError, KeyError):
        return line or None


def _figures(samples: list[tuple[float, float, int]]) -> dict[str, float]:
    later = samples[len(samples) // 4 :]  # growth during the warm-up is no leak
    return {
        "seconds": round(samples[-1][0] - samples[0][0], 1),
        "first MiB": round(later[0][1], 1),
        "last MiB": round(later[-1][1], 1),
        "MiB an hour": round(_slope([(at, size) for at, size, _ in later]) * 3600, 1),
        "most descriptors": max(count for _, _, count in samples),
        "last descriptors": samples[-1][2],
    }


def _slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the line through ``points`` by least squares."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
