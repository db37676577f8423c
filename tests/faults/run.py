"""A run: start the cluster, apply load and faults, stop, and check the history."""

import asyncio
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from opsroom_messaging.client.connection import connect
from tests.faults.clients.recorder import Recorder
from tests.faults.cluster.cluster import PortalCluster, Size
from tests.faults.nemesis.nemesis import InjectedFault
from tests.faults.nemesis.plan import Scope
from tests.faults.verification.checker import Violation, check
from tests.faults.verification.history import History, Outage
from tests.faults.verification.process_stats import ProcessStats
from tests.faults.verification.recovery import fault_impacts
from tests.faults.workload import BOUNDS, Load, Workload


@dataclass(slots=True)
class Outcome:
    """The result of a run. Times in seconds."""

    seed: int
    seconds: float
    history: History
    injected: list[InjectedFault]
    violations: list[Violation]
    recovery: dict[str, list[float]]
    """Recovery times of the faults that did not overlap others, by kind."""
    gaps: dict[str, list[float]]
    """The longest wait of one client, of the same faults."""
    counts: dict[str, int]
    process_stats: dict[str, dict[str, float]]
    complaints: list[str] = field(default_factory=list)
    """Error lines in the logs, each kind once, with its count."""


@dataclass(frozen=True, slots=True)
class Folders:
    """``store``: a folder for the broker's data. ``keep``: a folder where data and logs remain."""

    store: Path | None = None
    keep: Path | None = None


async def run(seed: int, scope: Scope, size: Size, load: Load, folders: Folders) -> Outcome:
    """Run the plan of ``seed`` and check the history."""
    with _folder(folders.keep) as folder, _folder(None, folders.store) as store:
        cluster = PortalCluster(folder, size, store)
        recorder = Recorder(History(size.delay), random.Random(seed))
        begun = time.time()
        try:
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, _end_early, recorder)
            await cluster.start()
            process_stats = ProcessStats({child.name: child for child in cluster.children()})
            watching = asyncio.create_task(process_stats.watch())
            broker = await connect(cluster.nats_url, name="operator")
            try:
                workload = Workload(recorder, cluster, load)
                injected = await workload.run(seed, scope, broker)
            finally:
                watching.cancel()
                await broker.close()
        finally:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
            await cluster.stop()
        return _checked(seed, begun, recorder, cluster, injected, process_stats)


def _end_early(recorder: Recorder) -> None:
    """Stop the faults and check what was recorded so far. A second interrupt ends at once."""
    recorder.enough.set()
    asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)


@contextmanager
def _folder(keep: Path | None, within: Path | None = None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(
        prefix="opsroom-faults-", dir=within, ignore_cleanup_errors=True
    ) as path:
        yield Path(path)


def _checked(
    seed: int,
    begun: float,
    recorder: Recorder,
    cluster: PortalCluster,
    injected: list[InjectedFault],
    process_stats: ProcessStats,
) -> Outcome:
    history = recorder.history
    recovered = fault_impacts(injected, recorder.waits, history)
    history.outages = [
        Outage(felt.fault.kind.value, felt.fault.start, felt.fault.healed + felt.recovery)
        for felt in recovered
    ]
    history.refused += [words for child in cluster.children() for words in child.unexpected_exits]
    by_kind: dict[str, list[float]] = {}
    gaps: dict[str, list[float]] = {}
    for felt in recovered:
        if felt.alone:
            by_kind.setdefault(felt.fault.kind.value, []).append(felt.recovery)
            gaps.setdefault(felt.fault.kind.value, []).append(felt.gap)
    counts = {
        "acknowledged": recorder.acknowledged,
        "commands": recorder.commands,
        "stored messages": len(history.messages),
        "stored events": len(history.events),
        "deliveries": sum(len(segment.seqs) for reader in history.readers for segment in reader.segments),
        "reconnects": recorder.reconnects,
        "late duplicates": recorder.duplicates,
        "resets": recorder.resets,
        "snapshots compared": len(history.folds),
    }
    return Outcome(
        seed=seed,
        seconds=time.time() - begun,
        history=history,
        injected=injected,
        violations=check(history, BOUNDS),
        recovery=by_kind,
        gaps=gaps,
        counts=counts,
        process_stats=process_stats.figures(),
        complaints=process_stats.complaints([child.log for child in cluster.services()]),
    )
