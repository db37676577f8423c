"""One run: the rig, the load, the faults, the end, and what the referee says."""

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
from tests.faults.crowd import BOUNDS, Crowd, Load
from tests.faults.history import History, Outage
from tests.faults.injector import Injected
from tests.faults.ledger import Ledger
from tests.faults.plan import Scope
from tests.faults.recovery import recoveries
from tests.faults.referee import Violation, judge
from tests.faults.rig import Rig, Size
from tests.faults.vitals import Vitals


@dataclass(slots=True)
class Outcome:
    """All that a run found out. Times in seconds."""

    seed: int
    seconds: float
    history: History
    injected: list[Injected]
    violations: list[Violation]
    recovery: dict[str, list[float]]
    """Of the faults that came alone, by kind."""
    gaps: dict[str, list[float]]
    """Of the same, the longest wait of one client."""
    counts: dict[str, int]
    vitals: dict[str, dict[str, float]]
    complaints: list[str] = field(default_factory=list)
    """Lines of logs that are errors, each kind once, with how often."""


@dataclass(frozen=True, slots=True)
class Places:
    """``store``: the broker's data, where it is to be elsewhere. ``keep``: data and logs stay there."""

    store: Path | None = None
    keep: Path | None = None


async def run(seed: int, scope: Scope, size: Size, load: Load, places: Places) -> Outcome:
    """Run the plan of ``seed`` and judge what came of it."""
    with _folder(places.keep) as folder, _folder(None, places.store) as store:
        rig = Rig(folder, size, store)
        ledger = Ledger(History(size.delay), random.Random(seed))
        begun = time.time()
        try:
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, _end_early, ledger)
            await rig.start()
            vitals = Vitals({child.name: child for child in rig.children()})
            watching = asyncio.create_task(vitals.watch())
            broker = await connect(rig.nats_url, name="operator")
            try:
                crowd = Crowd(ledger, rig, load)
                injected = await crowd.suffer(seed, scope, broker)
            finally:
                watching.cancel()
                await broker.close()
        finally:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
            await rig.stop()
        return _judged(seed, begun, ledger, rig, injected, vitals)


def _end_early(ledger: Ledger) -> None:
    """Judge what there is; a second interrupt ends it at once."""
    ledger.enough.set()
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


def _judged(
    seed: int, begun: float, ledger: Ledger, rig: Rig, injected: list[Injected], vitals: Vitals
) -> Outcome:
    history = ledger.history
    recovered = recoveries(injected, ledger.waits, history)
    history.outages = [
        Outage(felt.fault.kind.value, felt.fault.start, felt.fault.healed + felt.recovery)
        for felt in recovered
    ]
    history.refused += [words for child in rig.children() for words in child.ended_oddly]
    by_kind: dict[str, list[float]] = {}
    gaps: dict[str, list[float]] = {}
    for felt in recovered:
        if felt.alone:
            by_kind.setdefault(felt.fault.kind.value, []).append(felt.recovery)
            gaps.setdefault(felt.fault.kind.value, []).append(felt.gap)
    counts = {
        "acknowledged": ledger.acknowledged,
        "commands": ledger.commands,
        "stored messages": len(history.messages),
        "stored events": len(history.events),
        "deliveries": sum(len(part.seqs) for reader in history.readers for part in reader.parts),
        "reconnects": ledger.reconnects,
        "late duplicates": ledger.duplicates,
        "resets": ledger.resets,
        "snapshots compared": len(history.folds),
    }
    return Outcome(
        seed=seed,
        seconds=time.time() - begun,
        history=history,
        injected=injected,
        violations=judge(history, BOUNDS),
        recovery=by_kind,
        gaps=gaps,
        counts=counts,
        vitals=vitals.figures(),
        complaints=vitals.complaints([child.log for child in rig.services()]),
    )
