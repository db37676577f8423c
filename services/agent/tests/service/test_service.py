"""The agent's process and service, with the broker's users and a fake engine."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from opsroom_agent.service import agent_service
from opsroom_agent.settings import AgentSettings, ProviderKind
from opsroom_contracts.agents.endpoints import AgentEndpoints, agent_endpoints
from opsroom_contracts.agents.protocol import (
    CHANGE_NOTICE,
    LOG_CHUNK,
    ApplyReply,
    ApplyRequest,
    ApplyStatus,
    ChangeNotice,
    LogsRequest,
    MoreRequest,
    ObserveRequest,
    ProviderListRequest,
    ServerRef,
)
from opsroom_contracts.agents.records import AGENT_LEASE, AGENT_RECORD, AgentRecord
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.errors import FaultError
from opsroom_contracts.serialization.codec import decode
from opsroom_contracts.subjects import AGENTS_STREAM, agent_lease, agent_record, provider_changes
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.agent_lease import LeaseTiming
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import agents_stream, ensure_stream
from opsroom_runtime.errors import SettingsError
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.ports import free_port
from opsroom_testkit.processes import ServiceProcess, ready, service
from opsroom_testkit.waiting import until, until_answer
from services.agent.tests.kit.docker import TEMPLATES
from services.agent.tests.kit.fake_engine.engine import FakeEngine

ENDPOINTS: AgentEndpoints = agent_endpoints("docker")


class Portal:
    """The cloud service and the gateway, as far as an agent sees them."""

    def __init__(self, guarded: GuardedBroker, cloud: NatsConnection, gateway: NatsConnection) -> None:
        self.guarded = guarded
        self.cloud = cloud
        self.gateway = gateway
        self.notices: list[ChangeNotice] = []
        self.requests = RequestClient(cloud, timeout=20)
        self.viewer = RequestClient(gateway, timeout=20)

    async def record(self) -> AgentRecord | None:
        last = await StreamReader(self.cloud, AGENTS_STREAM).last(agent_record("docker"))
        return None if last is None else AGENT_RECORD.read(last.data)

    async def holder(self) -> str | None:
        """The process that holds the lease."""
        last = await StreamReader(self.cloud, AGENTS_STREAM).last(agent_lease("docker"))
        lease = None if last is None else AGENT_LEASE.read(last.data)
        return None if lease is None or lease.released else lease.process

    async def apply(self, request: ApplyRequest) -> ApplyReply:
        """Ask until there is an outcome."""
        return await until_answer(
            lambda: self.requests.request(ENDPOINTS.apply, request),
            lambda reply: reply.status is not ApplyStatus.WORKING,
        )

    async def created(self) -> ServerRef:
        server = ServerRef(id=str(uuid4()), name=f"n{uuid4().hex[:8]}", template="box")
        request = ApplyRequest(operation_id=uuid4().hex, command=Command.CREATE, server=server, start=True)
        assert (await self.apply(request)).status is ApplyStatus.DONE
        return server


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[Portal]:
    guarded = GuardedBroker(tmp_path, ["docker"])
    await guarded.start()
    cloud = await connect(guarded.url, name="cloud", credentials=guarded.access("cloud"))
    gateway = await connect(guarded.url, name="gateway", credentials=guarded.access("gateway"))
    await ensure_stream(cloud, agents_stream(replicas=1))
    found = Portal(guarded, cloud, gateway)
    await cloud.subscribe(
        provider_changes("docker"), lambda payload: found.notices.append(decode(CHANGE_NOTICE, payload))
    )
    await cloud.client.flush()
    yield found
    await gateway.close()
    await cloud.close()
    await guarded.stop()


@asynccontextmanager
async def agent(
    portal: Portal, engine: FakeEngine, folder: Path, user: str = "agent-docker"
) -> AsyncIterator[ServiceProcess]:
    """An agent's process; ready, but it may stand by."""
    templates, port = folder / "templates.toml", free_port()
    templates.write_text(TEMPLATES)
    environ = {
        "AGENT_TEMPLATES": str(templates),
        "AGENT_DOCKER_SOCKET": str(engine.socket),
        "AGENT_STATE_DIR": str(folder / "state"),
        "AGENT_ADMIN_PORT": str(port),
        **portal.guarded.environ(user),
    }
    async with service("agent", folder, **environ) as process:
        await ready(port)
        yield process


@pytest.mark.parametrize("user", ["agent", "agent-docker"])
async def test_the_agent_can_do_all_its_work(
    portal: Portal, fake_engine: FakeEngine, tmp_path: Path, user: str
) -> None:
    async with agent(portal, fake_engine, tmp_path, user) as process:
        record = await until_answer(portal.record, lambda record: record is not None)
        assert record is not None
        assert (record.name, record.kind) == ("docker", "docker")
        assert "box" in {template.name for template in record.templates}
        assert await portal.holder() == record.process
        server = await portal.created()
        await until(lambda: any(one.id == server.id for notice in portal.notices for one in notice.found))
        listed = await portal.requests.request(ENDPOINTS.list, ProviderListRequest())
        assert [one.id for one in listed.servers] == [server.id]
        observed = await portal.requests.request(ENDPOINTS.observe, ObserveRequest(servers=(server,)))
        assert observed.found[0].state is InstanceState.RUNNING
        await read_log(portal, server)
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
        assert await portal.holder() is None
        assert '"level": "warning"' not in process.log.read_text()
    assert portal.guarded.refusals() == []


async def read_log(portal: Portal, server: ServerRef) -> None:
    """Read a log as a gateway does."""
    texts: list[str] = []

    def receive(payload: bytes) -> None:
        texts.extend(line.text for line in decode(LOG_CHUNK, payload).lines)

    await portal.gateway.subscribe("provider.docker.streams.one", receive)
    await portal.gateway.client.flush()
    await portal.viewer.request(ENDPOINTS.logs, LogsRequest(server=server, stream="one", follow=True))
    await until(lambda: sorted(texts) == ["begin", "problem"])
    more = await portal.viewer.request(ENDPOINTS.more, MoreRequest(stream="one", seq=1))
    assert more.open
    more = await portal.viewer.request(ENDPOINTS.more, MoreRequest(stream="one", seq=1, stop=True))
    assert not more.open


async def test_a_second_agent_stands_by_until_the_first_has_stopped(
    portal: Portal, fake_engine: FakeEngine, tmp_path: Path
) -> None:
    async with agent(portal, fake_engine, tmp_path) as first:
        holder = await until_answer(portal.holder, lambda holder: holder is not None)
        async with agent(portal, fake_engine, tmp_path) as second:
            await until(lambda: "standing by" in second.log.read_text())
            await portal.created()
            assert await portal.holder() == holder
            first.signal(signal.SIGTERM)
            await first.ended()
            await until_answer(portal.holder, lambda now: now not in {None, holder})
            await portal.created()


async def test_an_operation_survives_a_kill_of_the_agent(
    portal: Portal, fake_engine: FakeEngine, tmp_path: Path
) -> None:
    """The killed agent's lease must expire before the next one acts: this takes 15 s."""
    fake_engine.registry["opsroom-test/missing:1"] = [1000]
    fake_engine.pull_gate.clear()
    server = ServerRef(id="one", name="one", template="missing")
    request = ApplyRequest(operation_id="op", command=Command.CREATE, server=server)
    async with agent(portal, fake_engine, tmp_path) as process:
        reply = await portal.requests.request(ENDPOINTS.apply, request)
        assert reply.status is ApplyStatus.WORKING
        await until(lambda: fake_engine.count("/images/create"))
        await process.kill()
    fake_engine.pull_gate.set()
    async with agent(portal, fake_engine, tmp_path) as process:
        await until(lambda: "acting for" in process.log.read_text())
        assert (await portal.apply(request)).status is ApplyStatus.DONE
    assert len(fake_engine.containers) == 1


async def test_an_agent_that_has_lost_its_lease_stops_acting_and_takes_it_back(
    portal: Portal, fake_engine: FakeEngine, tmp_path: Path
) -> None:
    settings = AgentSettings(docker_socket=fake_engine.socket, state_dir=tmp_path)
    timing = LeaseTiming(lifetime=2, margin=0.5, renew=0.2, retry=0.1)
    guarded = portal.guarded
    broker = await connect(guarded.url, name="agent", credentials=guarded.access("agent"))
    other = await connect(guarded.url, name="operator", credentials=guarded.access("operator"))
    try:
        async with agent_service(broker, settings, timing):
            ours = await until_answer(portal.holder, lambda holder: holder is not None)
            await portal.requests.request(ENDPOINTS.list, ProviderListRequest())
            taken = b'{"process":"other"}'
            await other.jetstream.publish(agent_lease("docker"), taken, headers={"Nats-TTL": "2s"})
            impatient = RequestClient(portal.cloud, timeout=0.2)

            async def acts() -> bool:
                try:
                    await impatient.request(ENDPOINTS.list, ProviderListRequest())
                except FaultError:
                    return False
                return True

            await until_answer(acts, lambda acting: not acting)
            await until_answer(portal.holder, lambda holder: holder == ours)
            await until_answer(acts, lambda acting: acting)
    finally:
        await broker.close()
        await other.close()


async def test_a_template_file_that_can_not_be_used_ends_the_process_with_one_line(
    portal: Portal, tmp_path: Path
) -> None:
    path = tmp_path / "templates.toml"
    path.write_text("[templates.web]\nimage = 1\n")
    environ = {"AGENT_TEMPLATES": str(path), **portal.guarded.environ("agent")}
    async with service("agent", tmp_path, **environ) as process:
        assert await process.ended() == 78
        assert "line 2: templates.web.image: must be text" in process.log.read_text()


async def test_an_agent_that_keeps_nothing_says_so(portal: Portal, tmp_path: Path) -> None:
    environ = {"AGENT_PROVIDER": "simulated", **portal.guarded.environ("agent")}
    async with service("agent", tmp_path, **environ) as process:
        await until(lambda: "an operation may be done twice" in process.log.read_text())


def test_the_name_simulated_belongs_to_the_portal() -> None:
    with pytest.raises(SettingsError, match="AGENT_NAME"):
        AgentSettings.from_environment({"AGENT_NAME": "simulated"})
    assert AgentSettings(provider=ProviderKind.SIMULATED).provider_name() == "lab"
    assert AgentSettings(provider=ProviderKind.DOCKER).provider_name() == "docker"
    assert AgentSettings.from_environment({"AGENT_NAME": "box-1"}).provider_name() == "box-1"
