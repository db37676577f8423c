"""Fixtures of the launcher's tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from opsroom_launcher.supervision.console import Console
from opsroom_launcher.supervision.guard import Guard
from tools.launcher.tests.processes import Notes, Transcript


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    """Creates processes, and reads what they noted."""
    return Notes(tmp_path / "notes")


@pytest.fixture
def transcript() -> Transcript:
    """The output of `console`."""
    return Transcript()


@pytest.fixture
def console(transcript: Transcript) -> Iterator[Console]:
    """A console that writes to `transcript`."""
    with Console(transcript, coloured=False) as console:
        yield console


@pytest.fixture
async def guard() -> AsyncIterator[Guard]:
    """A guard. What a test leaves in its group is killed at the end."""
    async with Guard() as guard:
        yield guard
