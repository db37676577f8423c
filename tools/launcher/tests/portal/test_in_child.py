"""Work in a child process: its result, its errors, and its death."""

import os
import sys

import pytest

from opsroom_launcher.errors import RefusedError, UsageError
from opsroom_launcher.portal.in_child import in_child


def test_it_returns_the_result_and_keeps_no_module() -> None:
    def work() -> tuple[int, bool]:
        import this  # noqa: PLC0415 - the subject

        return os.getppid(), this.__name__ in sys.modules

    assert in_child(work) == (os.getpid(), True)
    assert "this" not in sys.modules


def test_a_refusal_arrives_as_what_it_is() -> None:
    def refuse() -> None:
        raise UsageError("opsroom: this is wrong")

    with pytest.raises(UsageError, match="opsroom: this is wrong"):
        in_child(refuse)


def test_a_child_that_dies_is_noticed(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError("a bug")

    with pytest.raises(RefusedError, match="preparing the data folder failed"):
        in_child(fail)
    assert "ValueError: a bug" in capfd.readouterr().err
    with pytest.raises(RefusedError, match="preparing the data folder failed"):
        in_child(lambda: os._exit(3))
