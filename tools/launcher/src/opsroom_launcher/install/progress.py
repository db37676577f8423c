"""Run a program and report progress at least every ``SILENCE_SECONDS``.

``run_shown``    forwards the program's output, and reports only while the program prints nothing
``run_logged``   writes the output to a file, and reports how long the program has been running
"""

import os
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SILENCE_SECONDS = 10.0
_POLL_SECONDS = 0.2
_INTERRUPT_SECONDS = 15.0
"""How long an interrupted program may take to clean up before it is killed."""
_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Program:
    """A program to run, and its name in reports."""

    name: str
    argv: tuple[str, ...]
    folder: Path
    timeout: float
    """Seconds until it is killed."""
    environ: Mapping[str, str] | None = None
    """None: this process's own environment."""


def run_shown(program: Program, output: BinaryIO, *, silence: float = SILENCE_SECONDS) -> int:
    """Run ``program``, forward its output to ``output``, and return its exit code.

    Raises:
        OSError: it can't be started.
        subprocess.TimeoutExpired: it ran for longer than its timeout and was killed.
    """
    began = last = time.monotonic()

    def show(chunk: bytes) -> None:
        nonlocal last
        last = time.monotonic()
        output.write(chunk)
        output.flush()

    def report() -> None:
        if time.monotonic() - last >= silence:
            show(f"opsroom: {program.name}: still running, {time.monotonic() - began:.0f} s\n".encode())

    return _run(program, show, report)


def run_logged(
    program: Program, log: BinaryIO, report: Callable[[str], None], *, silence: float = SILENCE_SECONDS
) -> int:
    """Run ``program`` with its output in ``log``, and return its exit code.

    ``report`` is called with a line every ``silence`` seconds.

    Raises:
        OSError: it can't be started.
        subprocess.TimeoutExpired: it ran for longer than its timeout and was killed.
    """
    began = last = time.monotonic()

    def report_if_due() -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= silence:
            last = now
            report(f"{program.name}: still running, {now - began:.0f} s")

    return _run(program, log.write, report_if_due)


def _run(program: Program, on_output: Callable[[bytes], object], on_poll: Callable[[], None]) -> int:
    deadline = time.monotonic() + program.timeout
    process = subprocess.Popen(
        program.argv,
        cwd=program.folder,
        env=program.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        for chunk in _chunks(process):
            if chunk:
                on_output(chunk)
            on_poll()
            if time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(program.argv, program.timeout)
    except KeyboardInterrupt:
        # The terminal interrupts the whole process group, so the program is already cleaning up.
        with suppress(subprocess.TimeoutExpired):
            process.wait(_INTERRUPT_SECONDS)
        raise
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
    return process.returncode


def _chunks(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield the output until the program ends, and an empty chunk whenever none came for a moment.

    This does not wait for the end of the output: a child that the program left may keep the pipe open.
    """
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            ended = process.poll() is not None
            chunk = os.read(process.stdout.fileno(), _CHUNK_BYTES) if selector.select(_POLL_SECONDS) else b""
            if not chunk and ended:
                return
            if not chunk:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_SECONDS)
            yield chunk
