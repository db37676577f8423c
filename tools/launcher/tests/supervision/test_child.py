"""Child: output, exit codes and a stop with a timeout, with real processes."""

import os
import signal
from dataclasses import replace

import pytest

from opsroom_launcher.supervision.child import Child, describe_exit
from opsroom_launcher.supervision.guard import Guard
from opsroom_testkit.waiting import until
from tools.launcher.tests.processes import Notes, is_running


async def test_all_output_arrives_in_order_before_the_end(notes: Notes, guard: Guard) -> None:
    code = "print('out'); print('err', file=sys.stderr); sys.stdout.write('no newline'); sys.exit(3)"
    lines: list[str] = []
    child = await Child.start(notes.spec("chat", code), guard.group, lines.append)
    assert await child.ended() == 3
    assert lines == ["out", "err", "no newline"]


async def test_stop_is_sigterm(notes: Notes, guard: Guard) -> None:
    child = await Child.start(notes.spec("chat", "note('up'); time.sleep(60)"), guard.group, print)
    await until(lambda: notes.words() == ["up"])
    assert await child.stop(10.0)
    assert await child.ended() == 0


async def test_stop_kills_what_does_not_listen(notes: Notes, guard: Guard) -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); note('up'); time.sleep(60)"
    child = await Child.start(notes.spec("chat", deaf), guard.group, print)
    await until(lambda: notes.words() == ["up"])
    assert not await child.stop(0.05)
    assert await child.ended() == -signal.SIGKILL


async def test_grandchild_that_holds_the_pipe_delays_nobody(notes: Notes, guard: Guard) -> None:
    code = "if os.fork() == 0: note('grandchild'); time.sleep(60)\n"
    child = await Child.start(notes.spec("chat", code), guard.group, print)
    assert await child.ended() == 0
    await until(lambda: notes.pids("grandchild"))
    assert is_running(notes.pids("grandchild")[0])


async def test_child_has_neither_our_terminal_nor_our_input(notes: Notes, guard: Guard) -> None:
    code = "print(os.getpgrp()); print(repr(sys.stdin.read()))"
    lines: list[str] = []
    child = await Child.start(notes.spec("chat", code), guard.group, lines.append)
    await child.ended()
    assert lines == [str(guard.group), "''"]
    assert guard.group != os.getpgrp()


async def test_missing_program_raises(notes: Notes, guard: Guard) -> None:
    with pytest.raises(FileNotFoundError):
        await Child.start(replace(notes.spec("chat", ""), argv=("/does/not/exist",)), guard.group, print)


def test_exit_codes_in_words() -> None:
    assert [describe_exit(code) for code in (1, -9, -250)] == ["exit 1", "SIGKILL", "signal 250"]
