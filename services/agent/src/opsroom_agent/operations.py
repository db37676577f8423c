"""Operations of a provider: done once by their id, in the background, and reported until somebody has asked.

Any provider can use this. An operation goes on after the reply to ``apply``, survives a restart of the agent
by its journal, and is tried again while its outcome is unknown.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from opsroom_agent.journal import Journal, JournalEntry
from opsroom_contracts.agents.protocol import ApplyReply, ApplyRequest, ApplyStatus
from opsroom_contracts.cloud.models import Progress
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_runtime.process import cancel_and_wait

RUNNING_MAX = 1000
"""Operations in progress at once; further ones are refused as overloaded."""
_FINISHED_MAX = 2000
_REPLY_SECONDS = 1.5
"""``apply`` replies ``working`` if the operation takes longer than this."""
_ABANDON_SECONDS = 30.0
"""An operation that nobody has asked about for this long is abandoned: the portal may have given it up.

If it is asked for again, it goes on: each of its steps is idempotent.
"""
_CHECK_SECONDS = 5.0
_BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

log = logging.getLogger(__name__)


class OutcomeUnknownError(Exception):
    """The provider did not reply, or is busy: whether the step was done is unknown, so it is done again.

    The message says why, for users.
    """


@dataclass(slots=True)
class Operation:
    """An operation in progress.

    Attributes:
        request: what to do.
        progress: how far it is, for users; the work updates it.
        marks: what the work noted before its steps, also by an earlier process. See ``remember``.
    """

    request: ApplyRequest
    journal: Journal
    progress: Progress = field(default_factory=Progress)
    marks: dict[str, str] = field(default_factory=dict)

    async def remember(self, **marks: str) -> None:
        """Note ``marks`` in the journal, so that the next process can see what was done."""
        self.marks.update(marks)
        await self.journal.store(self.request.operation_id, JournalEntry(marks=self.marks))


Work = Callable[[Operation], Awaitable[ApplyReply]]
"""Does an operation and returns its outcome. It runs again after :class:`OutcomeUnknownError` and after a
restart of the agent, so that each step must first look whether it was done."""


@dataclass(slots=True)
class _Running:
    operation: Operation
    task: "asyncio.Task[ApplyReply]"
    asked_at: float


class Operations:
    """Runs ``work`` for each operation, once at a time, and keeps the outcomes."""

    def __init__(self, work: Work, journal: Journal) -> None:
        self._work = work
        self._journal = journal
        self._running: dict[str, _Running] = {}
        self._finished: OrderedDict[str, ApplyReply] = OrderedDict()
        self._open = False

    async def apply(self, request: ApplyRequest) -> ApplyReply:
        """Begin the operation, or report how far it is; see :meth:`opsroom_agent.provider.Provider.apply`.

        Raises:
            FaultError: ``overloaded``: too many operations at once; ``unavailable``: ``run`` is not running.
        """
        operation_id = request.operation_id
        if operation_id not in self._running:
            finished = self._finished.get(operation_id) or await self._restore(request)
            if finished is not None:
                return finished
        running = self._running[operation_id]
        running.asked_at = asyncio.get_running_loop().time()
        await asyncio.wait({running.task}, timeout=_REPLY_SECONDS)
        if running.task.cancelled():
            raise refuse(ErrorCode.UNAVAILABLE, "the agent is stopping; try again")
        if running.task.done():
            return running.task.result()
        return ApplyReply(status=ApplyStatus.WORKING, progress=running.operation.progress)

    async def run(self) -> None:
        """Own the operations until cancelled; those in progress are cancelled then."""
        self._open = True
        try:
            while True:
                await asyncio.sleep(_CHECK_SECONDS)
                self._abandon(asyncio.get_running_loop().time() - _ABANDON_SECONDS)
        finally:
            self._open = False
            await cancel_and_wait([running.task for running in self._running.values()])

    def _abandon(self, before: float) -> None:
        for operation_id, running in self._running.items():
            if running.asked_at < before:
                log.warning("nobody asks about operation %s any more: it is abandoned", operation_id)
                running.task.cancel()

    async def _restore(self, request: ApplyRequest) -> ApplyReply | None:
        """Return the outcome of an operation that an earlier process has finished; else begin it."""
        entry = await self._journal.load(request.operation_id)
        finished = self._finished.get(request.operation_id) or entry.reply
        if finished is not None:
            return self._keep(request.operation_id, finished)
        if request.operation_id not in self._running:  # another request may have begun it meanwhile
            self._begin(request, entry)
        return None

    def _begin(self, request: ApplyRequest, entry: JournalEntry) -> None:
        if not self._open:
            raise refuse(ErrorCode.UNAVAILABLE, "the agent is starting or stopping; try again")
        if len(self._running) >= RUNNING_MAX:
            raise refuse(ErrorCode.OVERLOADED, f"{RUNNING_MAX} operations are in progress; try again")
        operation = Operation(request, self._journal, marks=dict(entry.marks))
        task = asyncio.create_task(self._do(operation), name=f"operation {request.operation_id}")
        self._running[request.operation_id] = _Running(operation, task, asyncio.get_running_loop().time())
        task.add_done_callback(self._on_done)

    def _on_done(self, task: "asyncio.Task[ApplyReply]") -> None:
        self._running = {one: running for one, running in self._running.items() if running.task is not task}
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", task.get_name(), exc_info=error)

    async def _do(self, operation: Operation) -> ApplyReply:
        failures = 0
        while True:
            try:
                reply = await self._work(operation)
            except OutcomeUnknownError as error:
                log.info("operation %s goes on: %s", operation.request.operation_id, error)
                operation.progress = Progress(text=f"trying again: {error}"[:200])
                await asyncio.sleep(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])
                failures += 1
            else:
                await self._journal.store(
                    operation.request.operation_id, JournalEntry(marks=operation.marks, reply=reply)
                )
                return self._keep(operation.request.operation_id, reply)

    def _keep(self, operation_id: str, reply: ApplyReply) -> ApplyReply:
        self._finished[operation_id] = reply
        if len(self._finished) > _FINISHED_MAX:
            self._finished.popitem(last=False)
        return reply
