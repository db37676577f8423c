"""Standard streams that are closed or can't be written: an exit code and one line instead of a traceback.

Only the standard library is imported, because the bootstrap uses this before anything is installed.
"""

import errno
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from opsroom_launcher.errors import EXIT_FAILED

if TYPE_CHECKING:
    from typing_extensions import Buffer

_INPUT, _OUTPUT, _ERROR = 0, 1, 2


def run_with_streams(command: Callable[[], int]) -> int:
    """Run ``command`` and return its exit code; ``EXIT_FAILED`` if its output could not be written.

    The first failed write to standard output ends the command, and a line on standard error says why, except
    if the reader of a pipe has closed it, as ``head`` does. Lines that standard error doesn't take are
    dropped.
    """
    if sys.platform == "win32":
        return command()  # a console there is not written like a file
    _open_closed_streams()
    output, notes = _File(_OUTPUT), _Notes(_ERROR)
    sys.stdout, sys.stderr = _text(output, sys.stdout), _text(notes, sys.stderr)
    try:
        code = _exit_code(command)
        sys.stdout.flush()
    except BaseException:
        # Libraries wrap the exception, in a group for example.
        if output.failure is None:
            raise
        code = EXIT_FAILED
    if output.failure is None:
        return code
    _discard_output()
    if output.failure.errno == errno.EPIPE:
        return code or EXIT_FAILED
    print(f"opsroom: can't write to standard output: {output.failure.strerror}", file=sys.stderr)
    return code or EXIT_FAILED


class _File(io.FileIO):
    """A standard stream that remembers why it could not be written."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.failure: OSError | None = None

    def write(self, data: "Buffer", /) -> int:
        """Write like the base class."""
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise


class _Notes(_File):
    """Standard error, which loses what can't be written."""

    def write(self, data: "Buffer", /) -> int:
        """Write like the base class, but return as if ``data`` was written if it can't be."""
        with suppress(OSError):
            return super().write(data)
        return memoryview(data).nbytes


def _text(file: _File, like: TextIO | None) -> io.TextIOWrapper:
    """Return ``file`` as a text stream, with the encoding and buffering of ``like``."""
    if not isinstance(like, io.TextIOWrapper):  # None: it was closed
        return io.TextIOWrapper(io.BufferedWriter(file), "utf-8", "replace")
    return io.TextIOWrapper(
        file if like.write_through else io.BufferedWriter(file),
        like.encoding,
        like.errors,
        line_buffering=like.line_buffering,
        write_through=like.write_through,
    )


def _exit_code(command: Callable[[], int]) -> int:
    try:
        return command()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        raise


def _open_closed_streams() -> None:
    """Open the null device for closed streams: the next file or socket would get their descriptor."""
    for descriptor in (_INPUT, _OUTPUT, _ERROR):
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor: this one
            os.set_inheritable(null, True)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(_INPUT, closefd=False)), "utf-8")


def _discard_output() -> None:
    """Let standard output be the null device: Python writes what is left in its buffer when it exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, _OUTPUT)
    os.close(null)
