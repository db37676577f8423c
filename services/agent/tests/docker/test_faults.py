"""The Docker provider when the engine fails: unknown is not failed, and nothing is done twice."""

import asyncio
from contextlib import aclosing

import pytest

from opsroom_agent.providers.docker.changes import Changes
from opsroom_agent.providers.docker.containers import Containers
from opsroom_agent.providers.docker.engine import Engine, open_engine
from opsroom_agent.providers.docker.provider import DockerProvider
from opsroom_contracts.agents.protocol import (
    ApplyReply,
    ApplyRequest,
    ApplyStatus,
    ChangeNotice,
    LogsRequest,
    ObserveRequest,
    ProviderListRequest,
    ServerRef,
)
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import FailureCode
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_runtime.process import run_tasks
from opsroom_testkit.waiting import until, until_answer
from services.agent.tests.kit.docker import Docker, Notices
from services.agent.tests.kit.fake_engine.engine import FakeEngine
from services.agent.tests.kit.fake_engine.faults import Fault, Planned


@pytest.mark.parametrize(
    "pattern", ["POST /containers/create", "POST /containers/.*/start", "GET /containers/.*/json"]
)
async def test_a_create_whose_reply_is_lost_is_done_once(
    fake_engine: FakeEngine, fake_docker: Docker, pattern: str
) -> None:
    fake_engine.faults.plan(Planned(Fault.LOSE_REPLY, pattern))
    server = await fake_docker.created()
    assert len(fake_engine.containers) == 1
    seen = await fake_docker.observed(server)
    assert seen is not None
    assert seen.state is InstanceState.RUNNING


async def test_a_restart_whose_reply_is_lost_is_done_once(
    fake_engine: FakeEngine, fake_docker: Docker
) -> None:
    server = await fake_docker.created()
    fake_engine.faults.plan(Planned(Fault.LOSE_REPLY, "POST /containers/.*/restart"))
    assert (await fake_docker.apply(Command.RESTART, server)).status is ApplyStatus.DONE
    assert fake_engine.count("/restart") == 1


async def test_an_agent_that_is_killed_while_it_restarts_a_server_does_not_do_it_again(
    fake_engine: FakeEngine, fake_docker: Docker
) -> None:
    server = await fake_docker.created()
    request = ApplyRequest(operation_id="op", command=Command.RESTART, server=server)
    async with fake_docker.running() as first:
        fake_engine.faults.plan(Planned(Fault.LOSE_REPLY, "POST /containers/.*/restart"))
        assert (await first.apply(request)).status in {ApplyStatus.WORKING, ApplyStatus.DONE}
        await until(lambda: fake_engine.count("/restart"))
    async with fake_docker.running():
        assert (await fake_docker.finish(request)).status is ApplyStatus.DONE
    assert fake_engine.count("/restart") == 1


async def test_while_the_engine_is_away_operations_go_on_and_nothing_is_observed(
    fake_engine: FakeEngine, fake_docker: Docker
) -> None:
    server = await fake_docker.created()
    await fake_engine.stop()
    request = ApplyRequest(operation_id="op", command=Command.STOP, server=server)
    reply = await until_answer(
        lambda: fake_docker.provider.apply(request), lambda reply: reply.progress and reply.progress.text
    )
    assert reply.status is ApplyStatus.WORKING
    assert reply.progress is not None
    assert "does not respond" in (reply.progress.text or "")
    seen = await fake_docker.provider.observe(ObserveRequest(servers=(server,)))
    assert (seen.found, seen.gone) == ((), ())
    with pytest.raises(FaultError) as refused:
        await fake_docker.provider.list(ProviderListRequest())
    assert refused.value.fault.code is ErrorCode.UNAVAILABLE
    await fake_engine.start()
    done = await fake_docker.finish(request)
    assert done.status is ApplyStatus.DONE
    assert done.observed is not None
    assert done.observed.state is InstanceState.STOPPED


async def test_after_the_engine_was_away_the_portal_is_asked_to_list(
    fake_engine: FakeEngine, fake_docker: Docker
) -> None:
    async with Notices(fake_docker).following() as notices:
        await fake_engine.stop()
        await fake_engine.start()
        await notices.until(lambda notice: notice == ChangeNotice())


async def test_a_silent_connection_is_made_again_and_misses_nothing(
    fake_engine: FakeEngine, fake_docker: Docker
) -> None:
    seen: list[ChangeNotice] = []

    async def follow(engine: Engine) -> None:
        changes = Changes(Containers(engine, fake_docker.portal), silence=0.1)
        async with aclosing(changes.notices()) as notices:
            async for notice in notices:
                seen.append(notice)

    def found(server: ServerRef) -> int:
        return sum(one.id == server.id for notice in seen for one in notice.found)

    async with open_engine(fake_engine.socket, lambda: None) as engine:
        async with run_tasks(follow=follow(engine)):
            while not any(notice.found for notice in seen):  # before the first event none is repeated
                await fake_docker.created()
            for _ in range(5):
                server = await fake_docker.created()
                await until(lambda: found(server))  # noqa: B023 - at once
                connected = fake_engine.count("GET /events")
                await until(lambda: fake_engine.count("GET /events") > connected + 1)  # noqa: B023 - at once
                assert found(server) == 1, "the events were repeated"


async def test_no_space_is_a_failure_with_its_code(fake_engine: FakeEngine, fake_docker: Docker) -> None:
    message = "write /var/lib/docker/x: no space left on device"
    fake_engine.faults.plan(Planned(Fault.REFUSE, "POST /containers/create", 500, message))
    reply = await fake_docker.apply(Command.CREATE, fake_docker.ref())
    assert (reply.status, reply.code, reply.reason) == (
        ApplyStatus.FAILED,
        FailureCode.NO_CAPACITY,
        message,
    )


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (503, "the engine is starting"),
        (500, "context canceled"),
        (500, "rpc error: code = Unavailable desc = transport is closing"),
    ],
)
async def test_an_engine_that_is_stopping_has_not_refused(
    fake_engine: FakeEngine, fake_docker: Docker, status: int, message: str
) -> None:
    server = await fake_docker.created()
    fake_engine.faults.plan(Planned(Fault.REFUSE, "/stop", status, message, times=2))
    assert (await fake_docker.apply(Command.STOP, server)).status is ApplyStatus.DONE
    assert fake_engine.count("/stop") == 3


async def test_a_removal_in_progress_is_waited_for(fake_engine: FakeEngine, fake_docker: Docker) -> None:
    server = await fake_docker.created()
    message = "removal of container x is already in progress"
    fake_engine.faults.plan(Planned(Fault.REFUSE, "DELETE", 409, message, times=2))
    assert (await fake_docker.apply(Command.REMOVE, server)).status is ApplyStatus.DONE
    assert fake_engine.containers == {}


async def test_a_conflict_that_stays_is_a_failure(fake_engine: FakeEngine, fake_docker: Docker) -> None:
    server = await fake_docker.created(start=False)
    message = "cannot start a paused container, try unpause instead"
    fake_engine.faults.plan(Planned(Fault.REFUSE, "/start", 409, message))
    reply = await fake_docker.apply(Command.START, server)
    assert (reply.status, reply.reason) == (ApplyStatus.FAILED, message)


async def pulled(provider: DockerProvider, request: ApplyRequest, percent: int) -> ApplyReply:
    """Ask until the pull has come so far."""
    return await until_answer(
        lambda: provider.apply(request),
        lambda reply: reply.progress is not None and reply.progress.percent == percent,
    )


async def test_a_missing_image_is_pulled_with_progress_once(
    fake_engine: FakeEngine, fake_docker: Docker
) -> None:
    fake_engine.registry["opsroom-test/missing:1"] = [1000, 3000]
    fake_engine.pull_gate.clear()
    requests = [
        ApplyRequest(operation_id=f"op{n}", command=Command.CREATE, server=fake_docker.ref("missing"))
        for n in range(3)
    ]
    for request in requests:
        reply = await pulled(fake_docker.provider, request, 50)
        assert reply.status is ApplyStatus.WORKING
        assert reply.progress is not None
        assert "opsroom-test/missing:1" in (reply.progress.text or "")
    fake_engine.pull_gate.set()
    for request in requests:
        assert (await fake_docker.finish(request)).status is ApplyStatus.DONE
    assert fake_engine.count("/images/create") == 1
    assert len(fake_engine.containers) == 3


async def test_an_image_that_does_not_exist_fails_with_the_reason(
    fake_engine: FakeEngine, fake_docker: Docker
) -> None:
    reply = await fake_docker.apply(Command.CREATE, fake_docker.ref("missing"))
    assert reply.status is ApplyStatus.FAILED
    assert "manifest unknown" in (reply.reason or "")
    assert fake_engine.count("/images/create") == 1


async def test_a_pull_that_breaks_off_is_tried_again(fake_engine: FakeEngine, fake_docker: Docker) -> None:
    fake_engine.registry["opsroom-test/missing:1"] = [10]
    message = "net/http: TLS handshake timeout"
    fake_engine.faults.plan(Planned(Fault.REFUSE, "/images/create", 500, message))
    reply = await fake_docker.apply(Command.CREATE, fake_docker.ref("missing"))
    assert reply.status is ApplyStatus.DONE


async def test_logs_of_an_engine_that_is_away_are_refused(
    fake_engine: FakeEngine, fake_docker: Docker
) -> None:
    server = await fake_docker.created()
    await fake_engine.stop()
    with pytest.raises(FaultError, match="does not respond"):
        await anext(fake_docker.provider.logs(LogsRequest(server=server, stream="s")))


async def test_logs_of_a_server_that_does_not_exist_are_refused(fake_docker: Docker) -> None:
    with pytest.raises(FaultError) as refused:
        await anext(fake_docker.provider.logs(LogsRequest(server=fake_docker.ref(), stream="s")))
    assert refused.value.fault.code is ErrorCode.INSTANCE_NOT_FOUND


async def test_a_followed_log_goes_on_after_the_engine_was_away(
    fake_engine: FakeEngine, fake_docker: Docker
) -> None:
    server = await fake_docker.created()
    followed: list[str] = []
    async with asyncio.timeout(30):
        log = fake_docker.provider.logs(LogsRequest(server=server, stream="s", follow=True))
        async with aclosing(log):
            async for lines in log:
                followed += [line.text for line in lines]
                if len(followed) == 2:
                    await fake_engine.stop()
                    await fake_engine.start()
                    await fake_docker.apply(Command.RESTART, server)
                if len(followed) >= 4:
                    break
    assert sorted(followed) == ["begin", "begin", "problem", "problem"]


async def test_nothing_is_changed_without_a_check_of_the_lease(
    fake_engine: FakeEngine, fake_docker: Docker
) -> None:
    server = await fake_docker.created()
    for command in (Command.STOP, Command.START, Command.RESTART, Command.REMOVE):
        await fake_docker.apply(command, server)
    changes = [one for one in fake_engine.requests if not one.startswith("GET")]
    assert fake_docker.checks == len(changes)
