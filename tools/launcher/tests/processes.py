"""Small real processes to supervise, and their notes."""

import io
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from opsroom_launcher.supervision.child import ServiceSpec

_PRELUDE = """
import os, signal, sys, time
def note(word):
    with open({notes!r}, 'a') as notes: notes.write(f'{{word}} {{os.getpid()}}\\n')
def on_term(*_): raise SystemExit(0)
signal.signal(signal.SIGTERM, on_term)
"""


class Transcript(io.StringIO):
    """The output of a console, readable while its thread writes."""

    def lines(self) -> list[str]:
        """Return the lines so far."""
        return self.getvalue().splitlines()


@dataclass(frozen=True)
class Notes:
    """The words that processes noted with ``note(word)``, in order."""

    path: Path

    def spec(self, name: str, code: str, *, stop_order: int = 1, grace: float = 10.0) -> ServiceSpec:
        """A process that runs ``code``. SIGTERM ends it with exit code 0 unless ``code`` handles it."""
        program = _PRELUDE.format(notes=str(self.path)) + code
        environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
        return ServiceSpec(name, (sys.executable, "-S", "-c", program), environ, stop_order, grace)

    def words(self) -> list[str]:
        """Return the words in order."""
        return [line.split()[0] for line in self._lines()]

    def pids(self, word: str) -> list[int]:
        """Return the pids of the processes that noted ``word``."""
        return [int(line.split()[1]) for line in self._lines() if line.startswith(f"{word} ")]

    def _lines(self) -> list[str]:
        text = self.path.read_text() if self.path.exists() else ""
        return text.split("\n")[:-1]  # the last may be incomplete


def is_running(pid: int) -> bool:
    """Whether ``pid`` is running. A zombie is not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def taken_port() -> tuple[socket.socket, int]:
    """Return a listening socket on loopback, to be closed by the caller, and its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    return listener, port
