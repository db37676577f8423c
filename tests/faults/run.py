"""A run: start the cluster, apply load and faults, stop, and check the history."""

import asyncio
import pickle
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.agents.engines import open_engine
from tests.faults.agents.spec import Engine
from tests.faults.clients.recorder import Recorder
from tests.faults.cluster.cluster import PortalCluster, Size
from tests.faults.nemesis.nemesis import InjectedFault
from tests.faults.nemesis.plan import Scope
from tests.faults.rules.agents.counts import agent_counts
from tests.faults.rules.team.counts import team_counts
from tests.faults.verification.checker import check, judged
from tests.faults.verification.history import History, Outage
from tests.faults.verification.observer import Observer
from tests.faults.verification.process_stats import ProcessStats
from tests.faults.verification.recovery import FaultImpact, fault_impacts
from tests.faults.verification.verdict import Bounds, Violation
from tests.faults.workload import Load, Workload

HISTORY_FILE = "history.pickle"
"""The history, next to the logs that are kept."""


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
    judged: dict[str, float]
    """The share of the time under load that no fault excused, 0 to 1."""
    process_stats: dict[str, dict[str, float]]
    complaints: list[str] = field(default_factory=list)
    """Error lines in the logs, each kind once, with its count."""


@dataclass(frozen=True, slots=True)
class Folders:
    """``store``: a folder for the broker's data. ``keep``: a folder where data and logs remain."""

    store: Path | None = None
    keep: Path | None = None


async def run(seed: int, scope: Scope, size: Size, load: Load, folders: Folders, bounds: Bounds) -> Outcome:
    """Run the plan of ``seed`` and check the history."""
    with _folder(folders.keep) as folder, _folder(None, folders.store) as store:
        cluster = PortalCluster(folder, size, store)
        history = History(size.delay, size.replay_limit, size.failure_rate)
        history.nodes = 3 if size.cluster else 1
        history.agent = size.agent.history() if size.agent else None
        recorder = Recorder(history, random.Random(seed))
        begun = time.time()
        engine: Engine | None = None
        try:
            if size.agent is not None:
                engine = await asyncio.to_thread(open_engine, size.agent, store)
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, _end_early, recorder)
            await cluster.start()
            process_stats = ProcessStats({child.name: child for child in cluster.children()})
            watching = asyncio.create_task(process_stats.watch())
            broker = await cluster.connect()
            recorder.places = cluster.places
            observer = Observer(broker, recorder)
            observing = asyncio.create_task(observer.run())
            try:
                workload = Workload(recorder, cluster, load, bounds, engine)
                injected = await workload.run(seed, scope, broker, observer)
            finally:
                watching.cancel()
                observing.cancel()
                await broker.close()
        finally:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
            await cluster.stop()
            if engine is not None:
                await asyncio.to_thread(engine.close)
            _keep(folders, history)  # also if the run failed
        recovered = fault_impacts(injected, recorder.waits, history)
        history.outages = [_outage(impact) for impact in recovered]
        history.refused += [words for child in cluster.children() for words in child.unexpected_exits]
        _keep(folders, history)
        return _checked(_Run(seed, begun, recorder, cluster, process_stats), injected, recovered, bounds)


def _outage(impact: FaultImpact) -> Outage:
    fault = impact.fault
    return Outage(fault.kind.value, fault.start, fault.healed, impact.felt, fault.where)


def _keep(folders: Folders, history: History) -> None:
    if folders.keep is not None:
        (folders.keep / HISTORY_FILE).write_bytes(pickle.dumps(history))


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


@dataclass(frozen=True, slots=True)
class _Run:
    """What is left of a run when its processes have stopped."""

    seed: int
    begun: float
    recorder: Recorder
    cluster: PortalCluster
    process_stats: ProcessStats


def _checked(
    run: _Run, injected: list[InjectedFault], recovered: list[FaultImpact], bounds: Bounds
) -> Outcome:
    recorder, cluster = run.recorder, run.cluster
    history = recorder.history
    by_kind: dict[str, list[float]] = {}
    gaps: dict[str, list[float]] = {}
    for felt in recovered:
        if felt.alone:
            by_kind.setdefault(felt.fault.kind.value, []).append(felt.recovery)
            gaps.setdefault(felt.fault.kind.value, []).append(felt.gap)
    chats, clouds = history.chats, history.clouds
    readers = [reader for life in chats for reader in life.readers]
    counts = {
        "acknowledged": recorder.acknowledged,
        "commands": recorder.commands,
        "lost races": recorder.conflicts,
        "decisions": recorder.decisions,
        "stored messages": sum(len(life.messages) for life in chats),
        "stored events": sum(len(life.events) for life in clouds),
        "audit entries": sum(len(life.audit) for life in clouds),
        "mutes and bans": len(history.restraints),
        "removed messages": sum(len(life.removals) for life in chats),
        **team_counts(history),
        "deliveries": sum(len(segment.seqs) for reader in readers for segment in reader.segments),
        "reconnects": recorder.reconnects,
        "late duplicates": recorder.duplicates,
        "resets": recorder.resets,
        "snapshots compared": sum(len(life.snapshots) for life in clouds),
        **(agent_counts(history) if history.agent else {}),
    }
    return Outcome(
        seed=run.seed,
        seconds=time.time() - run.begun,
        history=history,
        injected=injected,
        violations=check(history, bounds),
        recovery=by_kind,
        gaps=gaps,
        counts=counts,
        judged=judged(history),
        process_stats=run.process_stats.figures(),
        complaints=run.process_stats.complaints([child.log for child in cluster.services()]),
    )
