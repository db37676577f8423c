"""Work in a child process, so that what it imports does not stay in the memory of this one."""

import os
import pickle
from collections.abc import Callable
from typing import TypeVar

from opsroom_launcher.errors import EXIT_FAILED, RefusedError

ResultT = TypeVar("ResultT")


def in_child(work: Callable[[], ResultT]) -> ResultT:
    """Return what ``work`` returns in a fork of this process, which must have one thread.

    Raises:
        RefusedError: ``work`` raised it, or the child died; its traceback is on standard error.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _work(work, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        outcome = pipe.read()
    os.waitpid(child, 0)
    if not outcome:
        raise RefusedError("opsroom: preparing the data folder failed")
    result: ResultT | RefusedError = pickle.loads(outcome)  # noqa: S301 - of our own process
    if isinstance(result, RefusedError):
        raise result
    return result


def _work(work: Callable[[], object], writer: int) -> None:
    """Write the outcome of ``work``, and end this process without any cleanup of its parent's."""
    code = EXIT_FAILED
    try:
        try:
            outcome: object = work()
        except RefusedError as error:
            outcome = error
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(pickle.dumps(outcome))
        code = 0
    except BaseException:  # noqa: BLE001 - nothing may return into the parent's code
        import traceback  # noqa: PLC0415 - only here

        traceback.print_exc()
    finally:
        os._exit(code)
