"""Operations in the background: done once by their id, over restarts, and again if the outcome is unknown."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opsroom_agent.journal import Journal, JournalEntry
from opsroom_agent.operations import Operation, Operations, OutcomeUnknownError, Work
from opsroom_contracts.agents.protocol import ApplyReply, ApplyRequest, ApplyStatus, ServerRef
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.models import Progress
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_runtime.process import run_tasks
from opsroom_testkit.waiting import until, until_answer

DONE = ApplyReply(status=ApplyStatus.DONE)
REQUEST = ApplyRequest(operation_id="op", command=Command.START, server=ServerRef(id="s", name="s"))


@asynccontextmanager
async def running(work: Work, folder: Path | None = None) -> AsyncIterator[Operations]:
    """Operations whose owner runs."""
    operations = Operations(work, Journal(folder))
    async with run_tasks(operations=operations.run()):
        await asyncio.sleep(0)
        yield operations


class Counted:
    """Work that is counted, and waits for ``gate``."""

    def __init__(self, *, failures: int = 0) -> None:
        self.began = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._failures = failures

    async def __call__(self, operation: Operation) -> ApplyReply:
        self.began += 1
        operation.progress = Progress(percent=50)
        await self.gate.wait()
        if self.began <= self._failures:
            raise OutcomeUnknownError("no reply")
        return DONE


async def test_an_operation_is_done_once_however_often_it_is_asked_for() -> None:
    work = Counted()
    async with running(work) as operations:
        replies = await asyncio.gather(*(operations.apply(REQUEST) for _ in range(20)))
        assert replies == [DONE] * 20
        assert await operations.apply(REQUEST) == DONE
    assert work.began == 1


async def test_long_work_goes_on_after_the_reply() -> None:
    work = Counted()
    work.gate.clear()
    async with running(work) as operations:
        reply = await operations.apply(REQUEST)
        assert (reply.status, reply.progress) == (ApplyStatus.WORKING, Progress(percent=50))
        work.gate.set()
        assert await operations.apply(REQUEST) == DONE
    assert work.began == 1


async def test_an_outcome_survives_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        work = Counted()
        async with running(work, tmp_path) as operations:
            assert await operations.apply(REQUEST) == DONE
    assert work.began == 0


async def test_marks_survive_a_restart(tmp_path: Path) -> None:
    async def begin(operation: Operation) -> ApplyReply:
        await operation.remember(started="yesterday")
        await asyncio.Event().wait()
        return DONE

    found: dict[str, str] = {}

    async def go_on(operation: Operation) -> ApplyReply:
        found.update(operation.marks)
        return DONE

    async with running(begin, tmp_path) as operations:
        await operations.apply(REQUEST)
    async with running(go_on, tmp_path) as operations:
        await operations.apply(REQUEST)
    assert found == {"started": "yesterday"}


async def test_an_unknown_outcome_is_tried_again() -> None:
    work = Counted(failures=3)
    async with running(work) as operations:
        reply = await until_answer(lambda: operations.apply(REQUEST), lambda reply: reply == DONE)
    assert reply == DONE
    assert work.began == 4


async def test_when_its_owner_ends_the_work_is_cancelled() -> None:
    work = Counted()
    work.gate.clear()
    async with running(work) as operations:
        asked = asyncio.create_task(operations.apply(REQUEST))
        await until(lambda: work.began)
    with pytest.raises(FaultError) as refused:
        await asked
    assert refused.value.fault.code is ErrorCode.UNAVAILABLE
    with pytest.raises(FaultError):
        await operations.apply(REQUEST)


async def test_unexpected_errors_reach_the_caller_and_may_be_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(operation: Operation) -> ApplyReply:
        raise ZeroDivisionError

    async with running(broken) as operations:
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await operations.apply(REQUEST)
    assert "operation op failed" in caplog.text


async def test_a_journal_that_can_not_be_read_or_written_is_no_obstacle(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "op.json").write_text("{broken")
    async with running(Counted(), tmp_path) as operations:
        assert await operations.apply(REQUEST) == DONE
    assert "can't be read" in caplog.text
    (tmp_path / "file").write_text("")
    async with running(Counted(), tmp_path / "file") as operations:
        assert await operations.apply(REQUEST) == DONE
    assert "can't be noted" in caplog.text


async def test_the_journal_keeps_the_newest_entries(tmp_path: Path) -> None:
    for number in range(2100):
        (tmp_path / f"old{number}.json").write_text("{}")
    journal = Journal(tmp_path)
    await journal.store("new", JournalEntry(reply=DONE))
    assert len(os.listdir(tmp_path)) == 2000
    assert (await journal.load("new")).reply == DONE
