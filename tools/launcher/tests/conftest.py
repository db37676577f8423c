"""What the launcher's tests share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from opsroom_launcher.supervision.console import Console
from opsroom_launcher.supervision.guard import Guard
from tools.launcher.tests.processes import Notes, Transcript


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    """Makes processes, and shows what they noted."""
    return Notes(tmp_path / "notes")


@pytest.fixture
def transcript() -> Transcript:
    """What `console` has written."""
    return Transcript()


@pytest.fixture
def console(transcript: Transcript) -> Iterator[Console]:
    """A console that writes to `transcript`."""
    with Console(transcript, coloured=False) as console:
        yield console


@pytest.fixture
async def guard() -> AsyncIterator[Guard]:
    """A guard; whatever a test leaves in its group is killed at the end."""
    async with Guard() as guard:
        yield guard
