"""What every Opsroom process has around its work: logging, signals, exit codes, owned tasks."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

from opsroom_messaging.client.connection import BrokerUnavailableError, BrokerUnusableError
from opsroom_messaging.jetstream.stream_reader import UnavailableError
from opsroom_messaging.runtime.log_setup import configure
from opsroom_messaging.runtime.settings import SettingsError
from opsroom_messaging.runtime.tracing import Tracer, tracer_for

EXIT_LATER = 75
"""Exit code (EX_TEMPFAIL of sysexits.h) of a process that can't work at this moment: start it again."""
EXIT_CONFIG = 78
"""Exit code (EX_CONFIG of sysexits.h) of a process that can't work as it is set up: don't restart it."""

_CANCEL_AGAIN_SECONDS = 0.2
_COLLECT_AFTER = (20_000, 20, 20)
"""New objects before Python looks for rings among them, and of such looks before it looks at older ones."""

log = logging.getLogger(__name__)


class TaskDiedError(Exception):
    """A background task ended that must run as long as the process."""


@asynccontextmanager
async def running(
    died: asyncio.Event | None = None, **background: Coroutine[Any, Any, None]
) -> AsyncIterator[asyncio.Event]:
    """Own ``background`` tasks, cancelled and awaited at the end.

    Yields an event (``died``, where given) that is set if one of them ends early: the process should
    then stop, to be started afresh by whoever watches it.
    """
    died = died or asyncio.Event()
    tasks = [asyncio.create_task(work, name=name) for name, work in background.items()]

    def note_end(task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        log.critical("%s ended unexpectedly", task.get_name(), exc_info=task.exception())
        died.set()

    for task in tasks:
        task.add_done_callback(note_end)
    try:
        yield died
    finally:
        await cancel_and_wait(tasks)


async def cancel_and_wait(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks`` and wait until they have ended.

    Cancels again what goes on: before Python 3.12 a cancel that meets the very moment in which
    ``asyncio.wait_for`` gets its result is lost, and the client library waits that way everywhere.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_SECONDS)


async def until_stopped(died: asyncio.Event) -> None:
    """Wait for SIGTERM or SIGINT.

    Raises:
        TaskDiedError: a background task ended first.
    """
    stop = _stop_asked()
    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(died.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if not stop.is_set():
        raise TaskDiedError("a background task ended")


def run(service: str, main: Callable[[Tracer], Coroutine[Any, Any, None]]) -> None:
    """Run ``main`` as the process ``opsroom-<service>`` and exit with what it comes to.

    A set-up that can't work is one line on stderr and exit code 78; a broker that is away the same with 75.
    """
    tune_gc()
    try:
        traces = tracer_for(service, os.environ)
        configure(service, os.environ, sys.stderr, traces.ids)
        try:
            asyncio.run(run_and_cleanup(main(traces)))
        finally:
            traces.close()
    except (BrokerUnavailableError, UnavailableError) as error:
        _exit(service, str(error), EXIT_LATER)
    except (SettingsError, BrokerUnusableError) as error:
        _exit(service, str(error), EXIT_CONFIG)
    except TaskDiedError:
        sys.exit(1)


def tune_gc() -> None:
    """Leave what was imported alone, and look for rings of objects less often.

    Hundreds of requests under way survive every look, so that Python by its own measure looks all the time:
    under load that was a tenth of the chat's work.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


async def run_and_cleanup(work: Coroutine[Any, Any, None]) -> None:
    """Do ``work``, then end what it left: ``asyncio.run`` cancels once, and waits for ever if it is lost.

    A signal before ``until_stopped`` cancels the start: without a handler, the first process of a container
    would ignore it.
    """
    stop = _stop_asked()
    main, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((main, stopping), return_when=asyncio.FIRST_COMPLETED)
        if main.done():
            main.result()
        else:
            log.info("stopping before the start was complete")
            await _end_start(main)
    finally:
        await cancel_and_wait(asyncio.all_tasks() - {asyncio.current_task()})


async def _end_start(main: asyncio.Task[None]) -> None:
    """Cancel ``main`` and raise what it raised instead of ending."""
    await cancel_and_wait([main])
    if not main.cancelled():
        main.result()


def _stop_asked() -> asyncio.Event:
    """An event that is set by SIGTERM and SIGINT, in place of what these did before."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _exit(service: str, reason: str, code: int) -> None:
    sys.stderr.write(f"opsroom-{service}: {reason}\n")
    sys.exit(code)
