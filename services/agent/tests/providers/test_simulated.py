"""The simulated provider: every operation once, over failures, lost replies and a kill of the process."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from opsroom_agent.providers.simulated.engine import SimulatedEngine, read_executions
from opsroom_agent.providers.simulated.fates import fate_of
from opsroom_agent.providers.simulated.provider import STATE_FILE, SimulatedProvider, simulated_provider
from opsroom_agent.providers.simulated.schema import SimulatedServer
from opsroom_agent.providers.simulated.settings import SimulatedSettings
from opsroom_contracts.agents.protocol import (
    ApplyReply,
    ApplyRequest,
    ApplyStatus,
    LogsRequest,
    Observation,
    ObserveRequest,
    ProviderListRequest,
    ServerRef,
    StatsRequest,
)
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import Condition, FailureCode
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_runtime.errors import SettingsError
from opsroom_runtime.process import run_tasks
from opsroom_testkit.waiting import until_answer

FAST = SimulatedSettings(simulated_delay_seconds=0, simulated_adoptable=2)


def allowed() -> None:
    """Let the engine do it."""


def server(instance: str = "web-1", *, resource: str | None = None, template: str = "small") -> ServerRef:
    return ServerRef(id=instance, name=instance, resource=resource, template=template)


def order(
    command: Command, ref: ServerRef, *, operation: str | None = None, start: bool = False
) -> ApplyRequest:
    return ApplyRequest(operation_id=operation or uuid4().hex, command=command, server=ref, start=start)


@asynccontextmanager
async def provider(
    path: Path,
    settings: SimulatedSettings = FAST,
    portal: str = "p1",
    check: Callable[[], None] = lambda: None,
) -> AsyncIterator[SimulatedProvider]:
    async with simulated_provider(settings, path, portal=portal, check=check) as opened:
        yield opened


async def finish(opened: SimulatedProvider, request: ApplyRequest) -> ApplyReply:
    return await until_answer(
        lambda: opened.apply(request), lambda reply: reply.status is not ApplyStatus.WORKING
    )


async def state(opened: SimulatedProvider, ref: ServerRef) -> Observation | None:
    reply = await opened.observe(ObserveRequest(servers=(ref,)))
    assert len(reply.found) + len(reply.gone) == 1
    return reply.found[0] if reply.found else None


async def test_a_life(tmp_path: Path) -> None:
    ref = server()
    async with provider(tmp_path) as opened:
        steps = (Command.CREATE, Command.START, Command.RESTART, Command.STOP, Command.REMOVE)
        seen = [(await finish(opened, order(step, ref))).observed for step in steps]
        assert await state(opened, ref) is None
    running, stopped = InstanceState.RUNNING, InstanceState.STOPPED
    assert [one and one.state for one in seen] == [stopped, running, running, stopped, None]
    assert seen[1] is not None
    assert seen[1].address is not None


async def test_an_operation_is_carried_out_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    ref = server()
    async with provider(tmp_path) as opened:
        create, restart = order(Command.CREATE, ref, start=True), order(Command.RESTART, ref)
        replies = await asyncio.gather(*(finish(opened, create) for _ in range(10)))
        assert {reply.status for reply in replies} == {ApplyStatus.DONE}
        await asyncio.gather(*(finish(opened, restart) for _ in range(10)))
        assert (await finish(opened, order(Command.STOP, ref))).status is ApplyStatus.DONE
        # A process that was suspended asks for an older operation again.
        late = await opened.apply(restart)
    assert late.observed is not None
    assert late.observed.state is InstanceState.STOPPED
    assert [one.command for one in read_executions(tmp_path / STATE_FILE)] == ["create", "restart", "stop"]


async def test_an_engine_that_is_asked_twice_counts_it_twice(tmp_path: Path) -> None:
    request = order(Command.RESTART, server())
    with closing(SimulatedEngine(tmp_path / STATE_FILE)) as engine:
        engine.execute("p1", order(Command.CREATE, server()), None, 1, allowed)
        for _ in range(2):
            engine.execute("p1", request, None, 2, allowed)
    counted = Counter(one.operation for one in read_executions(tmp_path / STATE_FILE))
    assert counted[request.operation_id] == 2


async def test_a_failure_is_final_and_changes_nothing(tmp_path: Path) -> None:
    async with provider(
        tmp_path, SimulatedSettings(simulated_delay_seconds=0, simulated_failure_rate=1)
    ) as opened:
        request = order(Command.CREATE, server())
        reply = await finish(opened, request)
        assert (reply.status, reply.code) == (ApplyStatus.FAILED, FailureCode.SIMULATED)
        assert reply.observed is None
    async with provider(tmp_path) as opened:
        assert (await opened.apply(request)).status is ApplyStatus.FAILED
        assert await state(opened, server()) is None


async def test_without_a_folder_nothing_is_kept() -> None:
    for _ in range(2):
        async with simulated_provider(FAST, None, portal="p1", check=lambda: None) as opened:
            assert (await finish(opened, order(Command.CREATE, server()))).status is ApplyStatus.DONE


async def test_a_state_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text("what is this " * 1000)
    with pytest.raises(SettingsError, match="AGENT_STATE_DIR"):
        async with provider(tmp_path):
            pass


async def test_a_lost_reply_is_work_in_progress_until_it_is_asked_for_again(tmp_path: Path) -> None:
    async with provider(
        tmp_path, SimulatedSettings(simulated_delay_seconds=0, simulated_lost_reply_rate=1)
    ) as opened:
        request = order(Command.CREATE, server())
        assert (await opened.apply(request)).status is ApplyStatus.WORKING
        assert await state(opened, server()) is not None
        assert (await opened.apply(request)).status is ApplyStatus.DONE
    assert len(read_executions(tmp_path / STATE_FILE)) == 1


def test_rates_are_shares_of_the_operations() -> None:
    settings = SimulatedSettings(simulated_failure_rate=0.3, simulated_lost_reply_rate=0.1)
    fates = [fate_of(f"operation-{number}", settings) for number in range(10_000)]
    assert 2800 < sum(fate.fails for fate in fates) < 3200
    assert 900 < sum(fate.loses_reply for fate in fates) < 1100


async def test_progress_in_steps_and_a_pull_for_the_first_server_of_a_template(tmp_path: Path) -> None:
    settings = SimulatedSettings(
        simulated_delay_seconds=10, simulated_pull_seconds=10, simulated_progress_steps=4
    )
    now = 1000.0
    engine = SimulatedEngine(tmp_path / STATE_FILE)
    opened = SimulatedProvider(engine, settings, portal="p1", check=lambda: None, clock=lambda: now)
    request = order(Command.CREATE, server())

    async def progress(at: float) -> tuple[str | None, int | None]:
        nonlocal now
        now = at
        reply = await opened.apply(request)
        return ("done", 100) if reply.progress is None else (reply.progress.text, reply.progress.percent)

    assert await progress(1000) == ("pulling the image", 0)
    assert await progress(1006) == ("pulling the image", 25)
    assert await progress(1015) == ("working", 75)
    assert await progress(1020) == ("done", 100)
    request = order(Command.CREATE, server("web-2"))
    assert await progress(1020) == ("working", 0)
    assert await progress(1030) == ("done", 100)
    await opened.close()


@pytest.mark.parametrize(
    ("command", "code"),
    [(Command.START, FailureCode.VANISHED), (Command.CREATE, FailureCode.TEMPLATE_UNKNOWN)],
)
async def test_what_cannot_be_done_fails(tmp_path: Path, command: Command, code: FailureCode) -> None:
    async with provider(tmp_path) as opened:
        reply = await finish(opened, order(command, server(template="none")))
    assert (reply.status, reply.code) == (ApplyStatus.FAILED, code)


async def test_removing_what_is_gone_is_done(tmp_path: Path) -> None:
    async with provider(tmp_path) as opened:
        assert (await finish(opened, order(Command.REMOVE, server()))).status is ApplyStatus.DONE


async def test_an_adopted_server_is_managed_but_not_listed(tmp_path: Path) -> None:
    async with provider(tmp_path) as opened, provider(tmp_path, portal="p2") as other:
        found = await opened.adoptable()
        assert [one.name for one in found.resources] == ["found-1", "found-2"]
        ref = server("taken", resource="found-1")
        assert (await finish(opened, order(Command.ADOPT, ref))).status is ApplyStatus.DONE
        assert (await finish(other, order(Command.ADOPT, ref))).status is ApplyStatus.FAILED
        assert [one.name for one in (await opened.adoptable()).resources] == ["found-2"]
        assert (await opened.list(ProviderListRequest())).servers == ()
        stopped = await finish(opened, order(Command.STOP, ref))
    assert stopped.observed == Observation(id="taken", state=InstanceState.STOPPED, resource="found-1")


async def test_pages_of_one_portal(tmp_path: Path) -> None:
    async with provider(tmp_path) as opened, provider(tmp_path, portal="p2") as other:
        for number in range(5):
            await finish(opened, order(Command.CREATE, server(f"web-{number}")))
        await finish(other, order(Command.CREATE, server("web-9")))
        pages, after = [], None
        for _ in range(3):
            reply = await opened.list(ProviderListRequest(after=after, limit=2))
            pages.append([one.name for one in reply.servers])
            after = reply.next
    assert pages == [["web-0", "web-1"], ["web-2", "web-3"], ["web-4"]]
    assert after is None


async def test_changes_from_outside_are_noticed(tmp_path: Path) -> None:
    async with provider(tmp_path) as opened:
        for name in ("web-1", "web-2"):
            await finish(opened, order(Command.CREATE, server(name), start=True))
        await finish(opened, order(Command.ADOPT, server("taken", resource="found-1")))
        changes = opened.changes()
        following = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)  # it has begun to follow
        with closing(SimulatedEngine(tmp_path / STATE_FILE)) as outside:
            await until_answer(lambda: asyncio.sleep(0, following.done()), lambda done: not done)
            outside.crash("sim-p1-web-1", "exited with 137", 2000)
            outside.remove("sim-p1-web-2")
            outside.stop("found-1", 2000)
        found: dict[str, Observation] = {}
        gone: set[str] = set()
        while len(found) + len(gone) < 3:
            notice = await asyncio.wait_for(following, 10)
            found |= {one.id: one for one in notice.found}
            gone |= set(notice.gone)
            following = asyncio.ensure_future(anext(changes))
        following.cancel()
    assert gone == {"web-2"}
    assert (found["web-1"].condition, found["web-1"].reason) == (Condition.FAILED, "exited with 137")
    assert (found["taken"].state, found["taken"].resource) == (InstanceState.STOPPED, "found-1")


async def test_what_is_created_outside_is_listed_and_can_be_adopted(tmp_path: Path) -> None:
    async with provider(tmp_path, FAST.model_copy(update={"simulated_adoptable": 0})) as opened:
        with closing(SimulatedEngine(tmp_path / STATE_FILE)) as outside:
            found = SimulatedServer("db", None, None, "db", None, False, True, None, 1)
            outside.place(found)
            outside.place(replace(found, resource="sim-x", portal="p1", instance="x", name="x"))
            assert [one.resource for one in outside.servers()] == ["db", "sim-x"]
        assert [one.resource for one in (await opened.adoptable()).resources] == ["db"]
        assert [one.id for one in (await opened.list(ProviderListRequest())).servers] == ["x"]


async def test_while_the_engine_is_away_nothing_is_known_and_nothing_is_done(tmp_path: Path) -> None:
    request = order(Command.CREATE, server())
    async with provider(tmp_path) as opened:
        with closing(SimulatedEngine(tmp_path / STATE_FILE)) as engine:
            engine.go_away(time.time() + 60)
            with pytest.raises(FaultError) as refused:
                await opened.apply(request)
            assert refused.value.fault.code is ErrorCode.UNAVAILABLE
            with pytest.raises(FaultError):
                await opened.observe(ObserveRequest(servers=(request.server,)))
            assert engine.executions() == []
            engine.go_away(0)
        assert (await finish(opened, request)).status is ApplyStatus.DONE


def test_an_engine_that_is_asked_without_the_lease_does_nothing(tmp_path: Path) -> None:
    def check() -> None:
        raise refuse(ErrorCode.UNAVAILABLE, "another process has the lease")

    with closing(SimulatedEngine(tmp_path / STATE_FILE)) as engine:
        with pytest.raises(FaultError):
            engine.execute("p1", order(Command.CREATE, server()), None, 1, check)
        assert engine.servers() == []
        assert engine.executions() == []


async def test_without_the_lease_nothing_is_done(tmp_path: Path) -> None:
    holds = True

    def check() -> None:
        if not holds:
            raise refuse(ErrorCode.UNAVAILABLE, "another process has the lease")

    request = order(Command.CREATE, server())
    settings = SimulatedSettings(simulated_delay_seconds=0.2)
    async with provider(tmp_path, settings, check=check) as opened:
        assert (await opened.apply(request)).status is ApplyStatus.WORKING
        holds = False
        with pytest.raises(FaultError) as refused:
            await until_answer(lambda: opened.apply(request), lambda _: False)
        assert refused.value.fault.code is ErrorCode.UNAVAILABLE
        with pytest.raises(FaultError):
            await opened.apply(order(Command.CREATE, server("web-2")))
        assert await state(opened, server()) is None
        holds = True
        assert (await finish(opened, request)).status is ApplyStatus.DONE


async def test_what_has_begun_is_carried_out_although_nobody_asks_again(tmp_path: Path) -> None:
    async with provider(tmp_path, SimulatedSettings(simulated_delay_seconds=0.2)) as opened:
        assert (await opened.apply(order(Command.CREATE, server()))).status is ApplyStatus.WORKING
    async with provider(tmp_path) as opened, run_tasks(run=opened.run()):
        assert await until_answer(lambda: state(opened, server()), lambda seen: seen is not None)


async def test_logs_count_and_end_with_the_server(tmp_path: Path) -> None:
    settings = SimulatedSettings(simulated_delay_seconds=0, simulated_log_rate=1000)
    async with provider(tmp_path, settings) as opened:
        await finish(opened, order(Command.CREATE, server(), start=True))
        request = LogsRequest(server=server(), stream="s", tail=10_000, follow=True)
        numbers = count()
        async for lines in opened.logs(request):
            for line in lines:
                number = next(numbers)
                assert line.text == ("started" if number == 0 else f"tick {number}")
            if number > 400:
                await finish(opened, order(Command.STOP, server()))
        assert [lines async for lines in opened.logs(request)] == []


async def test_the_tail_of_a_log(tmp_path: Path) -> None:
    now = 1000.0
    engine = SimulatedEngine(tmp_path / STATE_FILE)
    opened = SimulatedProvider(engine, FAST, portal="p1", check=lambda: None, clock=lambda: now)
    await finish(opened, order(Command.CREATE, server(), start=True))
    now = 1300
    request = LogsRequest(server=server(), stream="s", tail=250)
    chunks = [lines async for lines in opened.logs(request)]
    samples = [
        one
        async for part in opened.stats(StatsRequest(server=server(), stream="s", follow=False))
        for one in part
    ]
    await opened.close()
    assert [len(lines) for lines in chunks] == [200, 50]
    assert (chunks[0][0].text, chunks[-1][-1].text) == ("tick 51", "tick 300")
    assert len(samples) == 61
    assert all(0 < one.memory < (one.memory_limit or 0) for one in samples)


async def test_the_log_of_a_server_that_is_not_there(tmp_path: Path) -> None:
    async with provider(tmp_path) as opened:
        with pytest.raises(FaultError) as refused:
            await anext(opened.logs(LogsRequest(server=server(), stream="s")))
    assert refused.value.fault.code is ErrorCode.INSTANCE_NOT_FOUND


VICTIM = """
import asyncio, sys
from pathlib import Path
from opsroom_agent.providers.simulated.provider import simulated_provider
from opsroom_agent.providers.simulated.schema import SimulatedServer
from opsroom_agent.providers.simulated.settings import SimulatedSettings
from opsroom_contracts.agents.protocol import ApplyRequest

async def main():
    settings = SimulatedSettings(simulated_delay_seconds=0, simulated_lost_reply_rate=0.5)
    async with simulated_provider(settings, Path(sys.argv[1]), portal="p1", check=lambda: None) as opened:
        for line in sys.stdin:
            reply = await opened.apply(ApplyRequest.model_validate_json(line))
            print(reply.status.value, flush=True)

asyncio.run(main())
"""


async def test_killed_at_any_moment_each_operation_is_carried_out_once(tmp_path: Path) -> None:
    requests = [
        request
        for number in range(20)
        for request in (
            order(Command.CREATE, server(f"web-{number}")),
            order(Command.START, server(f"web-{number}")),
            order(Command.RESTART, server(f"web-{number}")),
        )
    ]
    todo = list(requests)
    for round_ in count():
        victim = await asyncio.create_subprocess_exec(
            sys.executable, "-c", VICTIM, tmp_path, stdin=PIPE, stdout=PIPE, env={**os.environ}
        )
        assert victim.stdin is not None
        assert victim.stdout is not None
        answers = 0
        while todo:
            victim.stdin.write(todo[0].model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n")
            if answers == 7 + round_ % 5 and round_ < 6:
                break  # killed with a request on its way
            if await asyncio.wait_for(victim.stdout.readline(), 30) == b"done\n":
                todo.pop(0)
            answers += 1
        victim.send_signal(signal.SIGKILL)
        await victim.wait()
        if not todo:
            break
    counted = Counter(one.operation for one in read_executions(tmp_path / STATE_FILE))
    assert counted == Counter(request.operation_id for request in requests)
