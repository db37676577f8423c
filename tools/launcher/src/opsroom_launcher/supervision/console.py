"""The launcher's standard output: prefixed lines, written by a separate thread from a bounded queue.

A terminal may be paused and a pipe's reader may hang. Neither may stall the supervisor or, by backpressure
through their log pipes, the services. If the queue is full, lines are dropped and counted.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self, TextIO

MAX_WAITING_LINES = 2000
_CLOSE_SECONDS = 1.0
_RESET = "\033[0m"
_COLOURS = {
    "opsroom": "\033[1m",
    "nats": "\033[35m",
    "chat": "\033[36m",
    "cloud": "\033[33m",
    "gateway": "\033[32m",
    "incidents": "\033[31m",
    "services": "\033[36m",
    "agent": "\033[34m",
}


class Console:
    """A context manager; lines are written in the order of the calls."""

    def __init__(self, stream: TextIO, *, coloured: bool, width: int = 7) -> None:
        """``width``: the width to which names are padded."""
        self._stream = stream
        self._coloured = coloured
        self._width = width
        self._waiting: queue.Queue[str | None] = queue.Queue(MAX_WAITING_LINES)
        self._dropped = 0
        self._on_closed: Callable[[], None] = lambda: None
        # A daemon: a paused terminal must not keep the process from ending.
        self._writer = threading.Thread(target=self._write_all, name="console", daemon=True)

    def __enter__(self) -> Self:
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write the queued lines, for at most a second."""
        with suppress(queue.Full):
            self._waiting.put(None, timeout=_CLOSE_SECONDS)
            self._writer.join(_CLOSE_SECONDS)

    def on_closed(self, callback: Callable[[], None]) -> None:
        """Call ``callback``, from the writing thread, when the output has been closed by its reader."""
        self._on_closed = callback

    def say(self, name: str, line: str) -> None:
        """Print ``line`` with the prefix ``name``."""
        prefix = f"{name:<{self._width}} |"
        if self._coloured and (colour := _COLOURS.get(name.partition("-")[0])):
            prefix = f"{colour}{prefix}{_RESET}"
        self._put(f"{prefix} {line}")

    def show(self, text: str) -> None:
        """Print ``text`` as it is."""
        self._put(text)

    def _put(self, text: str) -> None:
        if self._dropped:
            text = f"opsroom | {self._dropped} lines dropped: nobody read the output fast enough\n{text}"
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            self._dropped += 1
        else:
            self._dropped = 0

    def _write_all(self) -> None:
        broken = False
        while (text := self._waiting.get()) is not None:
            if broken:
                continue
            try:
                self._stream.write(text + "\n")
                if self._waiting.empty():
                    self._stream.flush()
            except (OSError, ValueError):  # the reader has gone, or the stream is closed
                broken = True
                self._on_closed()
