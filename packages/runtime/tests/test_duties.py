"""Periodic duties, and the log lines about their failures."""

import asyncio
import logging

import pytest

from opsroom_runtime.duties import Duty, attempt_all, run_duties
from opsroom_runtime.errors import TemporaryError
from opsroom_runtime.failure_log import FailureLog
from opsroom_runtime.metrics import Metrics
from opsroom_runtime.process import run_tasks
from opsroom_testkit.waiting import until


async def test_a_duty_that_fails_or_hangs_delays_no_other(caplog: pytest.LogCaptureFixture) -> None:
    runs = dict.fromkeys(("failing", "broken", "fine"), 0)

    async def failing() -> None:
        runs["failing"] += 1
        raise TemporaryError("no broker")

    async def broken() -> None:
        runs["broken"] += 1
        raise ValueError("a bug")

    async def hanging() -> None:
        await asyncio.Event().wait()

    async def fine() -> None:
        runs["fine"] += 1

    metrics = Metrics()
    duties = [Duty(work.__name__, work, 0.0) for work in (failing, broken, hanging, fine)]
    async with run_tasks(duties=run_duties("worker", duties, metrics)):
        await until(lambda: min(runs.values()) > 3)
    levels = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert levels == [
        ("WARNING", "worker: failing failed, retrying: no broker"),
        ("ERROR", "worker: broken failed, retrying: ValueError: a bug"),
    ]
    exposed = metrics.render("")[0].decode()
    assert 'opsroom_duty_failures_total{duty="fine",worker="worker"} 0.0' in exposed
    assert f'opsroom_duty_failures_total{{duty="failing",worker="worker"}} {runs["failing"]}.0' in exposed


async def test_changes_that_fail_do_not_stop_the_others() -> None:
    done: list[int] = []

    async def change(number: int) -> None:
        if number == 1:
            raise TemporaryError("later")
        if number == 2:
            raise KeyError(number)
        done.append(number)

    with pytest.raises(TemporaryError, match="2 of 4, the first: later"):
        await attempt_all([lambda n=n: change(n) for n in range(4)], expected=(KeyError,))  # type: ignore[misc]
    with pytest.raises(KeyError):
        await attempt_all([lambda n=n: change(n) for n in range(4)])  # type: ignore[misc]
    assert done == [0, 3, 0, 3]


def test_the_same_failure_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = 0.0
    failures = FailureLog(logging.getLogger("test"), "reading", time=lambda: now)
    for second in range(130):
        now = float(second)
        failures.failed("no reply")
    failures.failed("another reason")
    failures.succeeded()
    failures.succeeded()
    assert caplog.messages == [
        "reading failed, retrying: no reply",
        "reading failed, retrying (failure 61 in a row): no reply",
        "reading failed, retrying (failure 121 in a row): no reply",
        "reading failed, retrying (failure 131 in a row): another reason",
        "reading works again after 131 failures",
    ]
