"""Supervisor: restarts, permanent failures and the order of the stop, with real processes."""

import os
import signal
from dataclasses import replace

import pytest

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.supervision.console import Console
from opsroom_launcher.supervision.guard import Guard
from opsroom_launcher.supervision.supervisor import Supervisor
from opsroom_testkit.waiting import until
from tools.launcher.tests.processes import Notes, Transcript, is_running

IDLE = "note('{0}'); time.sleep(60)"


async def test_killed_process_is_started_again_and_the_log_says_so(
    notes: Notes, guard: Guard, console: Console, transcript: Transcript
) -> None:
    specs = [notes.spec("chat", IDLE.format("chat")), notes.spec("cloud", IDLE.format("cloud"))]
    async with Supervisor(specs, guard, console) as supervisor:
        await until(lambda: sorted(notes.words()) == ["chat", "cloud"])
        os.kill(notes.pids("chat")[0], signal.SIGKILL)
        await until(lambda: len(notes.pids("chat")) == 2)
        assert is_running(notes.pids("chat")[1])
        assert [trouble.split(",")[0] for trouble in supervisor.failures()] == ["chat died 1 times"]
    assert len(notes.pids("cloud")) == 1
    (line,) = [line for line in transcript.lines() if "restarting" in line]
    assert "chat died after" in line
    assert "(SIGKILL)" in line


async def test_exit_78_is_final_and_its_reason_is_shown_once(
    notes: Notes, guard: Guard, console: Console, transcript: Transcript
) -> None:
    refusing = (
        "print('starting'); print('opsroom-chat: the broker is too old', file=sys.stderr); sys.exit(78)"
    )
    specs = [notes.spec("chat", refusing), notes.spec("cloud", IDLE.format("cloud"))]
    with pytest.raises(RefusedError, match=r"^opsroom-chat: the broker is too old$"):
        async with Supervisor(specs, guard, console) as supervisor:
            await supervisor.failed()
    assert not any(is_running(pid) for pid in notes.pids("cloud"))
    await until(lambda: "chat    | starting" in transcript.lines())
    assert not any("too old" in line for line in transcript.lines())


async def test_reason_of_a_process_that_is_restarted_is_not_lost(
    notes: Notes, guard: Guard, console: Console, transcript: Transcript
) -> None:
    specs = [notes.spec("chat-2", "print('opsroom-chat: odd'); sys.exit(1)")]
    async with Supervisor(specs, guard, console):
        await until(lambda: "chat-2  | opsroom-chat: odd" in transcript.lines())
        await until(lambda: any("exit 1" in line for line in transcript.lines()))


async def test_missing_program_is_a_refusal(notes: Notes, guard: Guard, console: Console) -> None:
    spec = replace(notes.spec("chat", ""), argv=("/does/not/exist",))
    with pytest.raises(RefusedError, match="can't start chat"):
        async with Supervisor([spec], guard, console) as supervisor:
            await supervisor.failed()


async def test_lowest_stop_order_ends_before_the_next_is_stopped(
    notes: Notes, guard: Guard, console: Console
) -> None:
    # A draining gateway needs the services: they must not be stopped before it has ended.
    gateway = """
def on_term(*_):
    note('gateway-told'); time.sleep(0.3); note('gateway-gone'); raise SystemExit(0)
signal.signal(signal.SIGTERM, on_term)
note('up'); time.sleep(60)
"""
    service = """
def on_term(*_):
    note('{0}-told'); raise SystemExit(0)
signal.signal(signal.SIGTERM, on_term)
note('up'); time.sleep(60)
"""
    specs = [
        notes.spec("nats", service.format("nats"), stop_order=2),
        notes.spec("chat", service.format("services"), stop_order=1),
        notes.spec("cloud", service.format("services"), stop_order=1),
        notes.spec("gateway", gateway, stop_order=0),
    ]
    async with Supervisor(specs, guard, console):
        await until(lambda: notes.words() == ["up"] * 4)
    assert notes.words()[4:] == [
        "gateway-told",
        "gateway-gone",
        "services-told",
        "services-told",
        "nats-told",
    ]


async def test_what_does_not_stop_is_killed_and_the_log_says_so(
    notes: Notes, guard: Guard, console: Console, transcript: Transcript
) -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); note('up'); time.sleep(60)"
    async with Supervisor([notes.spec("chat", deaf, grace=0.05)], guard, console):
        await until(lambda: notes.words() == ["up"])
    assert not is_running(notes.pids("up")[0])
    await until(lambda: "opsroom | chat didn't stop within 0.05 s: killed" in transcript.lines())


async def test_kill_waits_for_nobody_and_restarts_nothing(
    notes: Notes, guard: Guard, console: Console, transcript: Transcript
) -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); note('up'); time.sleep(60)"
    specs = [
        notes.spec(name, deaf, stop_order=stop_order, grace=600)
        for stop_order, name in enumerate(("chat", "nats"))
    ]
    async with Supervisor(specs, guard, console) as supervisor:
        await until(lambda: notes.words() == ["up"] * 2)
        supervisor.kill()
    assert not any(is_running(pid) for pid in notes.pids("up"))
    assert notes.words() == ["up"] * 2
    assert not any("restarting" in line for line in transcript.lines())


async def test_end_does_not_wait_for_a_restart_that_is_due(
    notes: Notes, guard: Guard, console: Console, transcript: Transcript
) -> None:
    async with Supervisor([notes.spec("chat", "sys.exit(1)")], guard, console):
        await until(lambda: any("restarting" in line for line in transcript.lines()))


async def test_loss_of_the_guard_ends_it_all(notes: Notes, guard: Guard, console: Console) -> None:
    async with Supervisor([notes.spec("chat", IDLE.format("chat"))], guard, console) as supervisor:
        await until(lambda: notes.words() == ["chat"])
        os.kill(guard.group, signal.SIGKILL)
        with pytest.raises(RefusedError, match="guard"):
            await supervisor.failed()
    assert not is_running(notes.pids("chat")[0])
