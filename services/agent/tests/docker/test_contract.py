"""The Docker provider, by the same tests against the fake engine and, where there is one, the real one."""

import asyncio
from contextlib import aclosing
from uuid import uuid4

from opsroom_contracts.agents.protocol import (
    AdoptableReply,
    ApplyRequest,
    ApplyStatus,
    LogLine,
    LogSource,
    LogsRequest,
    ProviderListRequest,
    ServerRef,
    StatsRequest,
    StatsSample,
)
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import Condition, FailureCode
from opsroom_testkit.waiting import PATIENCE_SECONDS, until_answer
from services.agent.tests.kit.docker import DONE, Docker, Notices


async def lines_of(docker: Docker, server: ServerRef, count: int, *, tail: int = 100) -> list[LogLine]:
    """Read the log until there are ``count`` lines."""

    async def read() -> list[LogLine]:
        request = LogsRequest(server=server, stream="s", tail=tail)
        return [line async for lines in docker.provider.logs(request) for line in lines]

    return await until_answer(read, lambda lines: len(lines) >= count)


async def stopped(docker: Docker, server: ServerRef) -> None:
    """Wait until a server is stopped."""
    await until_answer(
        lambda: docker.observed(server), lambda seen: seen is not None and seen.state is InstanceState.STOPPED
    )


async def adoptable(docker: Docker) -> AdoptableReply:
    """Return what can be adopted; one page is enough here."""
    return await docker.provider.adoptable()


async def test_the_life_of_a_server(docker: Docker) -> None:
    server = docker.ref()
    created = await docker.apply(Command.CREATE, server)
    assert created.observed is not None
    assert created.observed.state is InstanceState.STOPPED
    assert created.observed.address is None
    started = await docker.apply(Command.START, server)
    assert started.observed is not None
    assert started.observed.state is InstanceState.RUNNING
    assert (started.observed.address or "").startswith("127.0.0.1:")
    before = (await docker.inspect(f"opsroom-{server.id}"))["State"]
    restarted = await docker.apply(Command.RESTART, server)
    assert restarted.observed is not None
    assert restarted.observed.state is InstanceState.RUNNING
    assert (await docker.inspect(f"opsroom-{server.id}"))["State"] != before
    ended = await docker.apply(Command.STOP, server)
    assert ended.observed is not None
    assert (ended.observed.state, ended.observed.condition) == (InstanceState.STOPPED, Condition.OK)
    removed = await docker.apply(Command.REMOVE, server)
    assert (removed.status, removed.observed) == (ApplyStatus.DONE, None)
    assert await docker.observed(server) is None
    assert await docker.all_ids() == []


async def test_a_server_can_be_started_with_its_create(docker: Docker) -> None:
    server = docker.ref()
    reply = await docker.apply(Command.CREATE, server, start=True)
    assert reply.observed is not None
    assert reply.observed.state is InstanceState.RUNNING


async def test_what_is_already_so_is_done(docker: Docker) -> None:
    server = await docker.created()
    for command in (Command.START, Command.STOP, Command.STOP, Command.REMOVE, Command.REMOVE):
        reply = await docker.apply(command, server)
        assert reply.status is ApplyStatus.DONE, command


async def test_the_same_operation_ten_times_at_once_makes_one_container(docker: Docker) -> None:
    request = ApplyRequest(operation_id="one", command=Command.CREATE, server=docker.ref(), start=True)
    replies = await asyncio.gather(*(docker.finish(request) for _ in range(10)))
    assert {reply.status for reply in replies} == {ApplyStatus.DONE}
    assert len(await docker.all_ids()) == 1


async def test_limits_labels_and_safety_are_set(docker: Docker) -> None:
    server = await docker.created()
    found = await docker.inspect(f"opsroom-{server.id}")
    host, config = found["HostConfig"], found["Config"]
    assert isinstance(host, dict)
    assert isinstance(config, dict)
    assert host["Memory"] == 32 * 2**20
    assert host["NanoCpus"] == 500_000_000
    assert host["PidsLimit"] == 256
    assert host["Privileged"] is False
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert not host.get("Binds")
    assert {binding["HostIp"] for binding in host["PortBindings"]["80/tcp"]} == {"127.0.0.1"}
    labels = config["Labels"]
    assert labels["opsroom.portal"] == docker.portal
    assert labels["opsroom.instance"] == server.id
    assert labels["opsroom.name"] == server.name
    assert labels["opsroom.template"] == "box"
    assert labels["opsroom.operation"]


async def test_a_repeated_start_does_not_start_what_has_ended_meanwhile(docker: Docker) -> None:
    server = await docker.created("fails", start=False)
    request = ApplyRequest(operation_id=uuid4().hex, command=Command.START, server=server)
    await docker.finish(request)
    await stopped(docker, server)
    before = (await docker.inspect(f"opsroom-{server.id}"))["State"]
    async with docker.running():  # another process, which only has the journal
        assert (await docker.finish(request)).status is ApplyStatus.DONE
    assert (await docker.inspect(f"opsroom-{server.id}"))["State"] == before


async def test_a_repeated_restart_restarts_once(docker: Docker) -> None:
    server = await docker.created()
    request = ApplyRequest(operation_id=uuid4().hex, command=Command.RESTART, server=server)
    await docker.finish(request)
    before = (await docker.inspect(f"opsroom-{server.id}"))["State"]
    async with docker.running():
        assert (await docker.finish(request)).status is ApplyStatus.DONE
    assert (await docker.inspect(f"opsroom-{server.id}"))["State"] == before


async def test_a_container_that_ends_with_an_error_has_failed(docker: Docker) -> None:
    server = await docker.created("fails")
    await stopped(docker, server)
    seen = await docker.observed(server)
    assert seen is not None
    assert seen.condition is Condition.FAILED
    assert "exit code 3" in (seen.reason or "")


async def test_commands_for_a_server_that_has_vanished_fail(docker: Docker) -> None:
    server = docker.ref()
    for command in (Command.START, Command.STOP, Command.RESTART):
        reply = await docker.apply(command, server)
        assert (reply.status, reply.code) == (ApplyStatus.FAILED, FailureCode.VANISHED)


async def test_a_template_that_does_not_exist_fails(docker: Docker) -> None:
    reply = await docker.apply(Command.CREATE, docker.ref("other"))
    assert (reply.status, reply.code) == (ApplyStatus.FAILED, FailureCode.TEMPLATE_UNKNOWN)


async def test_a_create_that_fails_leaves_nothing(docker: Docker) -> None:
    first = await docker.created("crowded")
    second = await docker.apply(Command.CREATE, docker.ref("crowded"), start=True)
    assert second.status is ApplyStatus.FAILED
    assert "already allocated" in (second.reason or "")
    assert second.observed is None
    assert await docker.all_ids() == [(await docker.inspect(f"opsroom-{first.id}"))["Id"]]


async def test_the_list_has_pages_and_only_this_portals_servers(docker: Docker) -> None:
    servers = [await docker.created(start=number == 0) for number in range(3)]
    await docker.outside("sleep 60")
    await docker.outside("sleep 60", {"opsroom.portal": "another", "opsroom.instance": str(uuid4())})
    first = await docker.provider.list(ProviderListRequest(limit=2))
    second = await docker.provider.list(ProviderListRequest(limit=2, after=first.next))
    assert len(first.servers) == 2
    assert second.next is None
    listed = {one.id: one for one in (*first.servers, *second.servers)}
    assert sorted(listed) == sorted(server.id for server in servers)
    assert list(listed) == sorted(listed)
    assert listed[servers[0].id].state is InstanceState.RUNNING
    assert {one.name for one in listed.values()} == {server.name for server in servers}
    assert {one.template for one in listed.values()} == {"box"}


async def test_two_portals_never_touch_each_others_containers(docker: Docker) -> None:
    server = await docker.created()
    async with docker.running("another"):
        assert await docker.observed(server) is None
        reply = await docker.apply(Command.STOP, server)
        assert reply.code is FailureCode.VANISHED
        assert (await docker.apply(Command.REMOVE, server)).status is ApplyStatus.DONE
        reply = await docker.apply(Command.CREATE, server)
        assert reply.status is ApplyStatus.FAILED
        assert "has not created" in (reply.reason or "")
        container_id = str((await docker.inspect(f"opsroom-{server.id}"))["Id"])
        reply = await docker.apply(Command.ADOPT, docker.ref(None, container_id))
        assert "belongs to a portal" in (reply.reason or "")
    assert len(await docker.all_ids()) == 1


async def test_a_container_can_be_adopted(docker: Docker) -> None:
    container_id = await docker.outside("echo adopted; sleep 60")
    found = {one.resource: one for one in (await adoptable(docker)).resources}
    assert found[container_id].state is InstanceState.RUNNING
    server = docker.ref(None, container_id)
    reply = await docker.apply(Command.ADOPT, server)
    assert reply.observed is not None
    assert reply.observed.resource == container_id
    assert reply.observed.state is InstanceState.RUNNING
    assert [line.text for line in await lines_of(docker, server, 1)] == ["adopted"]
    ended = await docker.apply(Command.STOP, server)
    assert ended.observed is not None
    assert ended.observed.resource == container_id
    assert (await docker.provider.list(ProviderListRequest())).servers == ()
    assert (await docker.apply(Command.REMOVE, server)).status is ApplyStatus.DONE
    assert await docker.observed(server) is None


async def test_of_two_portals_one_adopts_a_container(docker: Docker) -> None:
    container_id = await docker.outside("sleep 60")
    server, other = docker.ref(None, container_id), docker.ref(None, container_id)
    ours = docker.provider
    async with docker.running("another") as theirs:
        requests = [
            (provider, ApplyRequest(operation_id=uuid4().hex, command=Command.ADOPT, server=one))
            for provider, one in ((ours, server), (theirs, other))
        ]
        replies = await asyncio.gather(*(provider.apply(request) for provider, request in requests))
        assert sorted(reply.status for reply in replies) == [ApplyStatus.DONE, ApplyStatus.FAILED]
        loser = theirs if replies[0].status is ApplyStatus.DONE else ours
        winner = ours if loser is theirs else theirs
        failed = next(reply for reply in replies if reply.status is ApplyStatus.FAILED)
        assert "was adopted by another portal" in (failed.reason or "")
        assert f"docker volume rm opsroom-adopted-{container_id}" in (failed.reason or "")
        assert container_id not in {one.resource for one in (await loser.adoptable()).resources}
        assert await docker.claims() == [f"opsroom-adopted-{container_id}"]
        kept = server if winner is ours else other
        removing = ApplyRequest(operation_id=uuid4().hex, command=Command.REMOVE, server=kept)
        reply = await until_answer(lambda: winner.apply(removing), lambda reply: reply.status in DONE)
        assert reply.status is ApplyStatus.DONE
        assert await docker.claims() == []


async def test_own_containers_are_not_adoptable(docker: Docker) -> None:
    await docker.created()
    own = set(await docker.all_ids())
    assert not own & {one.resource for one in (await adoptable(docker)).resources}


async def test_the_containers_of_the_portal_itself_can_not_be_adopted(docker: Docker) -> None:
    project = {"com.docker.compose.project": f"portal-{uuid4().hex[:8]}"}
    agent, broker = await docker.outside("sleep 60", project), await docker.outside("sleep 60", project)
    other = await docker.outside("sleep 60", {"com.docker.compose.project": "shop"})
    assert {agent, broker, other} <= {one.resource for one in (await adoptable(docker)).resources}
    docker.environ["HOSTNAME"] = agent[:12]
    offered = {one.resource for one in (await adoptable(docker)).resources}
    assert other in offered
    assert not {agent, broker} & offered
    for container_id in (agent, broker):
        reply = await docker.apply(Command.ADOPT, docker.ref(None, container_id))
        assert reply.status is ApplyStatus.FAILED
        assert "is part of this portal itself" in (reply.reason or "")
    assert await docker.claims() == []
    assert (await docker.apply(Command.ADOPT, docker.ref(None, other))).status is ApplyStatus.DONE


async def test_what_happens_outside_is_noticed(docker: Docker) -> None:
    async with Notices(docker).following() as notices:
        server = await docker.created()
        await docker.act("POST", f"opsroom-{server.id}/kill")
        await notices.until(
            lambda notice: any(
                (one.id, one.state) == (server.id, InstanceState.STOPPED) for one in notice.found
            )
        )
        seen = await docker.observed(server)
        assert seen is not None
        assert seen.condition is Condition.OK, "it was killed, so it has not failed"
        await docker.act("DELETE", f"opsroom-{server.id}?force=1")
        await notices.until(lambda notice: server.id in notice.gone)


async def test_changes_of_adopted_containers_are_noticed(docker: Docker) -> None:
    async with Notices(docker).following() as notices:
        container_id = await docker.outside("sleep 60")
        server = docker.ref(None, container_id)
        await docker.apply(Command.ADOPT, server)
        assert await docker.observed(server) is not None  # as the portal does every 30 s
        await docker.act("DELETE", f"{container_id}?force=1")
        await notices.until(lambda notice: server.id in notice.gone)


async def test_a_log_has_its_lines_with_time_and_source(docker: Docker) -> None:
    server = await docker.created()
    lines = await lines_of(docker, server, 2)
    assert {(line.text, line.source) for line in lines} == {
        ("begin", LogSource.STDOUT),
        ("problem", LogSource.STDERR),
    }
    assert all(line.at is not None for line in lines)
    assert len(await lines_of(docker, server, 1, tail=1)) == 1


async def test_a_followed_log_goes_on_after_a_restart_without_doubles(docker: Docker) -> None:
    server = await docker.created()
    await lines_of(docker, server, 2)
    followed: list[str] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        log = docker.provider.logs(LogsRequest(server=server, stream="s", follow=True))
        async with aclosing(log):
            async for lines in log:
                followed += [line.text for line in lines]
                if len(followed) == 2:
                    await docker.apply(Command.RESTART, server)
                if len(followed) >= 4:
                    break
    assert sorted(followed) == ["begin", "begin", "problem", "problem"]


async def test_statistics_of_a_running_server(docker: Docker) -> None:
    server = await docker.created()
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with aclosing(docker.provider.stats(StatsRequest(server=server, stream="s"))) as stats:
            sample: StatsSample = (await anext(stats))[0]
    assert 0 <= sample.cpu <= 4
    assert sample.memory > 0
    assert sample.cpu_limit == 0.5
    assert sample.memory_limit == 32 * 2**20


async def test_networks_of_a_template_are_used(docker: Docker) -> None:
    server = await docker.created("networked")
    settings = (await docker.inspect(f"opsroom-{server.id}"))["NetworkSettings"]
    assert isinstance(settings, dict)
    assert list(settings["Networks"]) == ["none"]
