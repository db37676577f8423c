"""The frame of every Opsroom process: logging, signals, exit codes, background tasks."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Any

from opsroom_runtime.errors import StartupError, TaskFailedError, TemporaryError
from opsroom_runtime.log_fields import service_fields
from opsroom_runtime.log_setup import configure
from opsroom_runtime.spans import Tracer
from opsroom_runtime.tracing import tracer_for

EXIT_TEMPFAIL = 75
"""Exit code (EX_TEMPFAIL of sysexits.h) of a process that can't work at the moment: restart it."""
EXIT_CONFIG = 78
"""Exit code (EX_CONFIG of sysexits.h) of a process that can't work as configured: don't restart it."""

_CANCEL_RETRY_SECONDS = 0.2
_GC_THRESHOLDS = (20_000, 20, 20)
"""GC thresholds for generations 0, 1 and 2."""

log = logging.getLogger(__name__)


@asynccontextmanager
async def run_tasks(
    failed: asyncio.Event | None = None, **coroutines: Coroutine[Any, Any, None]
) -> AsyncIterator[asyncio.Event]:
    """Run ``coroutines`` as background tasks, named by their keywords; cancel and await them at the end.

    Yields an event (``failed``, if given) that is set if one of them ends early. The process should then stop
    and be restarted by its supervisor.
    """
    failed = failed or asyncio.Event()
    tasks = [asyncio.create_task(work, name=name) for name, work in coroutines.items()]

    def on_done(task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        log.critical("%s ended unexpectedly", task.get_name(), exc_info=task.exception())
        failed.set()

    for task in tasks:
        task.add_done_callback(on_done)
    try:
        yield failed
    finally:
        await cancel_and_wait(tasks)


async def cancel_and_wait(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks`` and wait until they have ended.

    Repeats the cancellation, since it can be lost: before Python 3.12, ``asyncio.wait_for``, which the client
    library uses everywhere, swallows a cancellation that arrives together with its result.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_RETRY_SECONDS)


async def until_stopped(failed: asyncio.Event) -> None:
    """Wait for SIGTERM or SIGINT.

    Raises:
        TaskFailedError: a background task ended first.
    """
    stop = _stop_event()
    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(failed.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if not stop.is_set():
        raise TaskFailedError("a background task ended")


def run(service: str, main: Callable[[Tracer], Coroutine[Any, Any, None]]) -> None:
    """Run ``main`` as the process ``opsroom-<service>`` and exit.

    A configuration error prints one line on stderr and exits with 78; an unavailable broker, with 75.
    """
    run_several(service, (service,), lambda tracers: main(tracers[service]))


def run_several(
    process: str,
    services: Sequence[str],
    main: Callable[[Mapping[str, Tracer]], Coroutine[Any, Any, None]],
) -> None:
    """Run ``main`` as the process ``opsroom-<process>``, with a tracer for each of ``services``, and exit.

    The exit codes are those of ``run``.
    """
    tune_gc()
    _ignore_hangups()
    try:
        with ExitStack() as opened:
            tracers = {name: tracer_for(name, os.environ) for name in services}
            for tracer in tracers.values():
                opened.callback(tracer.close)

            def fields() -> dict[str, str]:
                # The ids are those of the current span, whichever tracer is asked.
                return {**service_fields(), **tracers[services[0]].ids()}

            configure(process, os.environ, sys.stderr, fields)
            asyncio.run(run_and_cleanup(main(tracers)))
    except TemporaryError as error:
        _exit(process, str(error), EXIT_TEMPFAIL)
    except StartupError as error:
        _exit(process, str(error), EXIT_CONFIG)
    except TaskFailedError:
        sys.exit(1)


def tune_gc() -> None:
    """Freeze imported objects and run the cyclic GC less often.

    Hundreds of concurrent requests survive each collection. With the default thresholds, the GC took 10 % of
    the chat service's CPU time under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


async def run_and_cleanup(work: Coroutine[Any, Any, None]) -> None:
    """Await ``work``, then cancel all remaining tasks.

    ``asyncio.run`` cancels them only once, and would wait forever if that cancellation is lost. A signal
    before ``until_stopped`` cancels the startup: without a handler, PID 1 of a container would ignore it.
    """
    stop = _stop_event()
    main, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((main, stopping), return_when=asyncio.FIRST_COMPLETED)
        if main.done():
            main.result()
        else:
            log.info("stopped during startup")
            await _cancel_startup(main)
    finally:
        await cancel_and_wait(asyncio.all_tasks() - {asyncio.current_task()})


async def _cancel_startup(main: asyncio.Task[None]) -> None:
    """Cancel ``main``; if it raised an exception instead, raise that."""
    await cancel_and_wait([main])
    if not main.cancelled():
        main.result()


def _stop_event() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, in place of their previous handlers."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _ignore_hangups() -> None:
    """SIGHUP asks for files to be read again. Its default, the end of the process, is for programs of a
    terminal.
    """
    if os.name == "posix":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def on_hangup(reload: Callable[[], None]) -> None:
    """Call ``reload`` in the event loop on each SIGHUP."""
    if os.name == "posix":
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)


def _exit(service: str, reason: str, code: int) -> None:
    sys.stderr.write(f"opsroom-{service}: {reason}\n")
    sys.exit(code)
