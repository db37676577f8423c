"""What the machine takes from the target: the time in which it is ready to run, and another process runs.

A wait of a client counts only without this time. Otherwise every busy machine would look like an attack.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

import psutil

SAMPLE_SECONDS = 0.01
_KEPT_SAMPLES = 12_000
"""Two minutes of them."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """The interval up to ``at``. ``late``: how late this process itself ran; ``ready``: whether the target
    was running or ready to run; ``cpu``: its CPU time so far; ``steal``: that of other virtual machines.
    """

    at: float
    seconds: float
    late: float
    ready: bool
    cpu: float
    steal: float


class MachineWatch:
    """Samples the state and the CPU time of the process ``pid``."""

    def __init__(self, pid: int) -> None:
        self._target = psutil.Process(pid)
        self._samples: deque[_Sample] = deque(maxlen=_KEPT_SAMPLES)

    async def run(self) -> None:
        """Sample until cancelled."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            now = time.monotonic()
            self._samples.append(self._sample(now, now - last))
            last = now

    def excused(self, start: float, end: float) -> float:
        """Return how many of the seconds from ``start`` to ``end`` the machine is to blame for.

        That is: the target was ready to run but had no CPU; this process was late to read the response; the
        hypervisor ran something else.
        """
        seen = [one for one in self._samples if one.at > start and one.at - one.seconds < end]
        if not seen:
            return 0.0
        cpu = seen[-1].cpu - seen[0].cpu
        waited = max(0.0, sum(one.seconds for one in seen if one.ready) - cpu)
        late = max(one.late for one in seen)  # when the response came
        return waited + late + max(0.0, seen[-1].steal - seen[0].steal)

    def _sample(self, now: float, seconds: float) -> _Sample:
        with self._target.oneshot():
            times = self._target.cpu_times()
            ready = self._target.status() == psutil.STATUS_RUNNING
        return _Sample(
            now,
            seconds,
            max(0.0, seconds - 2 * SAMPLE_SECONDS),
            ready,
            times.user + times.system,
            getattr(psutil.cpu_times(), "steal", 0.0),
        )
