"""The resources of the target, and what is left of them after an attack."""

import asyncio
import gc
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import CoroutineType

import psutil

_WATCHED = ("opsroom_gateway", "uvicorn", "websockets", "starlette", "fastapi", "asyncio", "_asyncio")
"""The modules whose objects must not grow in number. State of users and servers is of other modules."""
_BOUNDED = frozenset(
    {
        # The event loop keeps cancelled timers until half of all are. Those that are not are counted by name.
        "asyncio.events.TimerHandle",
        "opsroom_gateway.fanout.replay_buffer.Frame",  # the newest events
        # The dependencies of each route, once it is used:
        "fastapi._compat.v2.ModelField",
        "fastapi.dependencies.models.Dependant",
        "fastapi.dependencies.models._CallIdentity",
        "fastapi.params.Query",
    }
)
"""Classes of those modules of which there are at most a fixed number of objects, made as they are needed."""
_SPARE_TASKS = 4
"""Short-lived tasks of the services: a lease renewal, a page of history."""
_NAMED_TASKS = 20
_MEMORY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """The resources of a process. ``objects``: the number by class, and of timers by what they call;
    ``mib``: its memory.

    ``coroutines``: the number of suspended coroutines by their names: what the tasks wait in.
    """

    tasks: int
    descriptors: int
    sockets: int
    mib: float
    objects: dict[str, int]
    coroutines: dict[str, int]


def resource_usage() -> ResourceUsage:
    """Measure this process."""
    gc.collect()
    me = psutil.Process()
    everything = gc.get_objects()
    kinds = Counter(map(type, everything))
    named = {f"{kind.__module__}.{kind.__qualname__}": kinds[kind] for kind in kinds if _watched(kind)}
    objects = {name: count for name, count in named.items() if name not in _BOUNDED} | _timers(everything)
    suspended = (one for one in everything if isinstance(one, CoroutineType) and one.cr_frame is not None)
    return ResourceUsage(
        tasks=len(asyncio.all_tasks()),
        descriptors=me.num_fds(),
        sockets=len(me.net_connections("inet")),
        mib=me.memory_info().rss / 1024**2,
        objects=objects,
        coroutines=Counter(one.__qualname__ for one in suspended),
    )


def least(first: ResourceUsage, second: ResourceUsage) -> ResourceUsage:
    """Return the least of each resource. What is in use for a moment only is not in both."""
    return ResourceUsage(
        tasks=min(first.tasks, second.tasks),
        descriptors=min(first.descriptors, second.descriptors),
        sockets=min(first.sockets, second.sockets),
        mib=min(first.mib, second.mib),
        objects=_least(first.objects, second.objects),
        coroutines=_least(first.coroutines, second.coroutines),
    )


def _least(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {name: min(count, second[name]) for name, count in first.items() if name in second}


def _timers(everything: list[object]) -> Counter[str]:
    """Count the timers that are not cancelled by the names of what they call."""
    running = (one for one in everything if isinstance(one, asyncio.TimerHandle) and not one.cancelled())
    return Counter(f"timer of {_callback(timer)}" for timer in running)


def _callback(timer: asyncio.TimerHandle) -> str:
    called = (one for one in gc.get_referents(timer) if callable(one))
    return next((getattr(one, "__qualname__", type(one).__qualname__) for one in called), "something")


def _watched(kind: type) -> bool:
    return str(kind.__module__).partition(".")[0] in _WATCHED  # some classes have a property there


class MemoryWatch:
    """Samples the memory of the process ``pid``. ``peak``: the most since the last ``begin``, in MiB."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.peak = self.now()

    def now(self) -> float:
        """Return its resident memory in MiB."""
        resident: int = self._process.memory_info().rss
        return resident / 1024**2

    def begin(self) -> float:
        """Forget the peak. Returns the memory now."""
        self.peak = self.now()
        return self.peak

    async def run(self) -> None:
        """Sample until cancelled or until the process ends."""
        while self._process.is_running():
            self.peak = max(self.peak, self.now())
            await asyncio.sleep(_MEMORY_SECONDS)


def left_over(before: ResourceUsage, after: ResourceUsage) -> list[str]:
    """Return the tasks, descriptors and sockets that there were not ``before``."""
    counts = (
        ("tasks", before.tasks + _SPARE_TASKS, after.tasks),
        ("descriptors", before.descriptors, after.descriptors),
        ("sockets", before.sockets, after.sockets),
    )
    found = [f"{now} {what} are left, there were {was}" for what, was, now in counts if now > was]
    if after.tasks > before.tasks + _SPARE_TASKS:
        new = Counter(after.coroutines) - Counter(before.coroutines)
        found.append(f"coroutines that there were not: {dict(new.most_common(_NAMED_TASKS))}")
    return found


def kept_objects(before: ResourceUsage, after: ResourceUsage, cases: int) -> list[str]:
    """Return the kinds of objects whose number has grown with the number of cases."""
    room = max(8, cases // 100)
    return [
        f"{count} objects of {kind}, there were {before.objects.get(kind, 0)}"
        for kind, count in after.objects.items()
        if count - before.objects.get(kind, 0) > room
    ]
