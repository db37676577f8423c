"""Runs of a program that carry out an operation."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from opsroom_agent.operations import Operation, OutcomeUnknownError
from opsroom_agent.program import (
    Finished,
    Program,
    ProgramMissingError,
    RunError,
    RunLimits,
    kill_group,
)
from opsroom_agent.providers.exec.looks import LookError, Looks, observation
from opsroom_agent.providers.exec.messages import FAILURE, PROGRESS, STATE, ProgramFailure, ProgramRequest
from opsroom_contracts.agents.protocol import ApplyReply, ApplyRequest, ApplyStatus, Observation
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import FailureCode
from opsroom_contracts.serialization.codec import ContractError, decode, encode
from opsroom_runtime.process import EXIT_TEMPFAIL

_BEGUN: Final = "begun"
_PROCESS: Final = "process"

log = logging.getLogger(__name__)

Settings = Mapping[str, Mapping[str, JsonValue]]
"""What the program gets of each template, by its name."""


class ProgramWork:
    """Carries out operations through ``program``.

    ``check`` as in :class:`opsroom_agent.registry.ProviderContext`.
    """

    def __init__(
        self,
        program: Program,
        looks: Looks,
        settings: Settings,
        *,
        limits: RunLimits,
        check: Callable[[], None],
    ) -> None:
        self._program = program
        self._looks = looks
        self._settings = settings
        self._portal = looks.portal
        self._seconds = limits.seconds
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._check = check

    async def __call__(self, operation: Operation) -> ApplyReply:
        """Run the program, unless an earlier run has had the wished effect; return the outcome.

        Raises:
            OutcomeUnknownError: the run had none, or an earlier one still goes on.
            FaultError: this process may not act any more.
        """
        request = operation.request
        unknown = self._unknown_template(request)
        if unknown is not None:
            return unknown
        again = _BEGUN in operation.marks
        if again:
            self._wait_for_earlier_run(operation)
            seen = await self._look(request)
            if is_wished(request, seen):
                return ApplyReply(status=ApplyStatus.DONE, observed=seen)
        async with self._slots:
            self._check()
            return await self._run(operation, again=again)

    async def _run(self, operation: Operation, *, again: bool) -> ApplyReply:
        request = operation.request

        def on_line(line: bytes) -> None:
            with suppress(ContractError):  # other lines are notes for people
                operation.progress = decode(PROGRESS, line)

        async def on_start(pid: int) -> None:
            await operation.remember(**{_PROCESS: f"{pid} {_started(pid)}"})

        await operation.remember(**{_BEGUN: str(time.time())})
        try:
            run = await self._program.run(
                "apply",
                encode(self._input(request, again=again)) + b"\n",
                timeout=self._seconds,
                on_line=on_line,
                on_start=on_start,
            )
        except ProgramMissingError as error:
            return failed(str(error))
        except RunError as error:
            raise OutcomeUnknownError(str(error)) from error
        if run.code == EXIT_TEMPFAIL:
            raise OutcomeUnknownError(run.errors or "the program asks to be run again")
        if run.code != 0:
            return await self._failed(request, run)
        return await self._done(request, run)

    async def _done(self, request: ApplyRequest, run: Finished) -> ApplyReply:
        try:
            seen = observation(request.server, decode(STATE, run.last))
        except ContractError as error:
            log.warning("operation %s: the last line of apply: %s", request.operation_id, error)
            seen = await self._look(request)
        return ApplyReply(status=ApplyStatus.DONE, observed=seen)

    async def _failed(self, request: ApplyRequest, run: Finished) -> ApplyReply:
        try:
            failure = decode(FAILURE, run.last)
        except ContractError:
            reason = run.errors or f"the program has exited with {run.code}"
            failure = ProgramFailure(reason=reason[:500])
        try:
            seen = await self._looks.look(request.server)
        except LookError:
            seen = None
        return failed(failure.reason, failure.code, seen)

    async def _look(self, request: ApplyRequest) -> Observation | None:
        try:
            return await self._looks.look(request.server)
        except LookError as error:
            raise OutcomeUnknownError(str(error)) from error

    def _wait_for_earlier_run(self, operation: Operation) -> None:
        """Raise OutcomeUnknownError while the run of a killed agent goes on; end it if it takes too long."""
        pid, _, started = operation.marks.get(_PROCESS, "").partition(" ")
        if not started or _started(int(pid)) != started:
            return
        if time.time() - float(operation.marks[_BEGUN]) > self._seconds:
            kill_group(int(pid), signal.SIGKILL)
        raise OutcomeUnknownError("an earlier run of the program still goes on")

    def _input(self, request: ApplyRequest, *, again: bool) -> ProgramRequest:
        return ProgramRequest(
            portal=self._portal,
            server=request.server,
            operation_id=request.operation_id,
            command=request.command,
            start=request.start,
            again=again,
            settings=dict(self._settings.get(request.server.template or "", {})),
        )

    def _unknown_template(self, request: ApplyRequest) -> ApplyReply | None:
        template = request.server.template
        if request.command is not Command.CREATE or template is None or template in self._settings:
            return None
        return failed(f"there is no template {template} any more", FailureCode.TEMPLATE_UNKNOWN)


def failed(
    reason: str, code: FailureCode = FailureCode.PROVIDER_ERROR, observed: Observation | None = None
) -> ApplyReply:
    """Return the reply for an operation that has certainly failed."""
    return ApplyReply(status=ApplyStatus.FAILED, observed=observed, reason=reason, code=code)


def is_wished(request: ApplyRequest, seen: Observation | None) -> bool:
    """Return whether a server shows that an operation was done. That a restart was done can't be seen."""
    if request.command is Command.REMOVE:
        return seen is None
    if seen is None or request.command is Command.RESTART:
        return False
    wished = {
        Command.CREATE: InstanceState.RUNNING if request.start else InstanceState.STOPPED,
        Command.START: InstanceState.RUNNING,
        Command.STOP: InstanceState.STOPPED,
    }
    return seen.state is wished.get(request.command, seen.state)


def _started(pid: int) -> str:
    """Return when a process was started, as the kernel counts it; empty if it is gone, or not on Linux."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]
