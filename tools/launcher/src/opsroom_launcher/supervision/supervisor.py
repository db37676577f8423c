"""Restart processes with backoff, and stop them in order."""

import asyncio
import random
from collections.abc import Iterable
from itertools import groupby
from typing import Self

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.supervision.backoff import Backoff
from opsroom_launcher.supervision.child import Child, ServiceSpec, describe_exit
from opsroom_launcher.supervision.console import Console
from opsroom_launcher.supervision.guard import Guard

EXIT_CONFIG = 78
"""A service's exit code (EX_CONFIG of sysexits.h) for a wrong configuration: a restart would not help."""


class SupervisedProcess:
    """A process that is restarted until `stop` is called. Nothing else starts or ends it."""

    def __init__(self, spec: ServiceSpec, guard: Guard, console: Console) -> None:
        self.spec = spec
        self.last_line = ""
        """Its latest line of output, for error messages."""
        self.restarts = 0
        self._guard = guard
        self._console = console
        self._stopping = asyncio.Event()
        self._restart_asked = asyncio.Event()
        self._backoff = Backoff(random.random)
        self._verdict: str | None = None
        self._child: Child | None = None
        self._has_output = False
        """Whether it has printed something, so that it handles SIGHUP. Before, the signal would end it."""

    def stop(self) -> None:
        """Make `run` stop the process and return."""
        self._stopping.set()

    def restart(self, reason: str) -> None:
        """Make `run` stop the process and start it again; the console says so."""
        self._console.say("opsroom", f"restarting {self.spec.name}: {reason}")
        self._restart_asked.set()

    def reload(self) -> None:
        """Let the process read its files again. One that has just started has read them."""
        if self._child is not None and self._has_output and self.spec.reloads:
            self._child.reload()

    async def run(self) -> None:
        """Start the process, and start it again whenever it ends.

        Raises:
            RefusedError: it can't be started, or it exited with `EXIT_CONFIG`, and the message is its own.
        """
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            self._restart_asked.clear()
            self._has_output = False
            child = self._child = await self._start()
            born = clock()
            code = await self._until_ended_or_asked(child)
            if code is None:
                await self._end(child)
                continue  # to start it again, unless it is to stop
            if code == EXIT_CONFIG:
                raise RefusedError(
                    self._verdict or f"opsroom: {self.spec.name} can't work with its configuration"
                )
            await self._wait_before_restart(code, clock() - born)

    async def _start(self) -> Child:
        try:
            return await Child.start(self.spec, self._guard.group, self._on_line)
        except OSError as error:
            raise RefusedError(f"opsroom: can't start {self.spec.name}: {error}") from error

    def _on_line(self, line: str) -> None:
        self.last_line = line or self.last_line
        self._has_output = True
        if line.startswith(f"opsroom-{self.spec.name.partition('-')[0]}: "):
            # The reason of its exit. The launcher prints it with the error, so it isn't shown here too.
            self._verdict = line
        elif self.spec.is_shown(line):
            self._console.say(self.spec.name, line)

    async def _until_ended_or_asked(self, child: Child) -> int | None:
        """The exit code, or None if the process is to be stopped or restarted."""
        ended = asyncio.create_task(child.ended())
        asked = [asyncio.create_task(event.wait()) for event in (self._stopping, self._restart_asked)]
        try:
            await asyncio.wait([ended, *asked], return_when=asyncio.FIRST_COMPLETED)
            return ended.result() if ended.done() else None
        finally:
            for task in (ended, *asked):
                task.cancel()

    async def _end(self, child: Child) -> None:
        if not await child.stop(self.spec.grace):
            self._console.say("opsroom", f"{self.spec.name} didn't stop within {self.spec.grace:g} s: killed")

    async def _wait_before_restart(self, code: int, lived: float) -> None:
        if self._stopping.is_set():
            return
        if self._verdict:
            self._console.say(self.spec.name, self._verdict)
            self._verdict = None
        self.restarts += 1
        wait = self._backoff.after(lived)
        self._console.say(
            "opsroom",
            f"{self.spec.name} died after {lived:.1f} s ({describe_exit(code)}): restarting in {wait:.1f} s",
        )
        try:
            await asyncio.wait_for(self._stopping.wait(), wait)
        except TimeoutError:
            return


class Supervisor:
    """Async context manager: starts all processes at once, and stops them in the order of `stop_order`."""

    def __init__(self, specs: Iterable[ServiceSpec], guard: Guard, console: Console) -> None:
        ordered = sorted(specs, key=lambda spec: -spec.stop_order)
        self._guard = guard
        self._processes = [SupervisedProcess(spec, guard, console) for spec in ordered]
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        for process in self._processes:
            self._tasks[process.spec.name] = asyncio.create_task(process.run(), name=process.spec.name)
        return self

    async def __aexit__(self, *_: object) -> None:
        for _order, processes in groupby(
            reversed(self._processes), key=lambda process: process.spec.stop_order
        ):
            names = []
            for process in processes:
                process.stop()
                names.append(process.spec.name)
            # A failure was reported by `failed`, or is too late to matter.
            await asyncio.gather(*(self._tasks[name] for name in names), return_exceptions=True)

    def restart(self, name: str, reason: str) -> None:
        """Stop the process ``name`` and start it again; does nothing for unknown names."""
        for process in self._processes:
            if process.spec.name == name:
                process.restart(reason)

    def reload(self) -> None:
        """Let the processes read their files again."""
        for process in self._processes:
            process.reload()

    def kill(self) -> None:
        """Kill everything at once, so that leaving the context need not wait."""
        for process in self._processes:
            process.stop()
        self._guard.kill_all()

    async def failed(self) -> None:
        """Wait until the processes can't be kept running any more, and raise. Never returns.

        Raises:
            RefusedError: a process failed permanently, or the guard was killed.
        """
        guard_lost = asyncio.create_task(self._guard.lost())
        try:
            done, _ = await asyncio.wait(
                [guard_lost, *self._tasks.values()], return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            guard_lost.cancel()
        for task in done - {guard_lost}:
            task.result()
        raise RefusedError("opsroom: the guard that ties the services to the launcher was killed; stopping")

    def failures(self) -> list[str]:
        """One line for each process that has died so far, with its last line of output."""
        return [
            f"{process.spec.name} died {process.restarts} times, last output: {process.last_line or 'none'}"
            for process in self._processes
            if process.restarts
        ]
