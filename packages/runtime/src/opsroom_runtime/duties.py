"""Periodic duties of a process. Each has its own task, so that one that fails or hangs delays no other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from opsroom_runtime import ticks
from opsroom_runtime.errors import TemporaryError
from opsroom_runtime.failure_log import FailureLog
from opsroom_runtime.metrics import Metrics
from opsroom_runtime.process import run_tasks

_AT_ONCE = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Duty:
    """Work that is repeated.

    Attributes:
        name: for the log and the metric, such as ``erasures``.
        work: does it once; what it raises is counted and logged, and it is called again later.
        interval: seconds between the end of one call and the next; long ones are rounded to a tick.
        until_needed: waits, before the interval begins, until there may be something to do.
    """

    name: str
    work: Callable[[], Awaitable[None]]
    interval: float
    until_needed: Callable[[], Awaitable[None]] | None = None


async def attempt_all(
    changes: Sequence[Callable[[], Awaitable[object]]], *, expected: tuple[type[Exception], ...] = ()
) -> None:
    """Make all ``changes``, many at once. One that fails does not stop the others.

    ``expected``: exceptions that count as temporary, too.

    Raises:
        TemporaryError: some failed for reasons that may pass.
        Exception: one failed for another reason; the first such exception.
    """
    temporary: list[BaseException] = []
    unexpected: list[BaseException] = []
    for start in range(0, len(changes), _AT_ONCE):
        batch = (change() for change in changes[start : start + _AT_ONCE])
        for outcome in await asyncio.gather(*batch, return_exceptions=True):
            if not isinstance(outcome, BaseException):
                continue
            (temporary if isinstance(outcome, (TemporaryError, *expected)) else unexpected).append(outcome)
    if unexpected:
        raise unexpected[0]
    if temporary:
        first = str(temporary[0]) or type(temporary[0]).__name__
        raise TemporaryError(f"{len(temporary)} of {len(changes)}, the first: {first}")


async def run_duties(
    worker: str, duties: Sequence[Duty], metrics: Metrics, *, enabled: Callable[[], bool] = lambda: True
) -> None:
    """Run ``duties`` until cancelled, independently of each other.

    ``worker``: the name of what has them, such as ``sweeper``. ``enabled``: whether to work now; a duty whose
    time comes meanwhile waits for its next one.
    """
    failures = metrics.counter("duty_failures", "Failed runs of periodic work.", ("worker", "duty"))
    for duty in duties:
        failures.add(worker, duty.name, amount=0)

    async def repeat(duty: Duty) -> None:
        failure_log = FailureLog(log, f"{worker}: {duty.name}")
        while True:
            if duty.until_needed is not None:
                await duty.until_needed()
            await ticks.sleep(duty.interval)
            if not enabled():
                continue
            try:
                await duty.work()
            except TemporaryError as error:
                failures.add(worker, duty.name)
                failure_log.failed(str(error) or type(error).__name__)
            except Exception as error:  # noqa: BLE001 - the boundary: other duties and later runs go on
                failures.add(worker, duty.name)
                failure_log.failed(f"{type(error).__name__}: {error}", error)
            else:
                failure_log.succeeded()

    tasks = {f"{worker} {duty.name}": repeat(duty) for duty in duties}
    async with run_tasks(None, **tasks) as failed:
        await failed.wait()
