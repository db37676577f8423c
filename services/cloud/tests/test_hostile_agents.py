"""Agents that do not keep to the protocol: other providers and the portal's memory are not affected."""

import json
from datetime import UTC, datetime
from itertools import pairwise
from uuid import uuid4

import pytest

from opsroom_cloud.instances.projection import InstanceProjection
from opsroom_cloud.providers import directory as directories
from opsroom_cloud.providers import reconciliation
from opsroom_cloud.providers.directory import PROVIDERS_MAX, ProviderDirectory
from opsroom_contracts.agents.protocol import (
    ApplyReply,
    ApplyRequest,
    Listed,
    Observation,
    ObserveReply,
    ObserveRequest,
    ProviderListReply,
    ProviderListRequest,
)
from opsroom_contracts.agents.records import (
    NUMBER_MAX,
    TEMPLATES_MAX,
    AgentLease,
    AgentRecord,
    TemplateView,
)
from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.instances import SIMULATED, Condition
from opsroom_contracts.cloud.models import OperationStatus, Progress
from opsroom_contracts.cloud.requests import ProvidersRequest
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import agent_lease, agent_record, instance_events
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_testkit.waiting import until, until_answer
from services.cloud.tests.harness import Cloud, refusal, service
from services.cloud.tests.scripted_agent import LAB, TEMPLATE, ScriptedAgent, serving

NATS_PAYLOAD_BYTES = 1024**2


class HostileAgent(ScriptedAgent):
    """An agent whose lists, observations and replies a test replaces."""

    def __init__(self, broker: NatsConnection) -> None:
        super().__init__(broker)
        self.pages = 0
        self.endless: str | None = None
        self.contradicts = False
        self.replies_about: str | None = None

    async def list(self, request: ProviderListRequest) -> ProviderListReply:
        """List servers; without an end, if that is wanted: in order, or the same page again."""
        self.pages += 1
        if self.endless is None:
            return await super().list(request)
        after = f"{self.pages:08}" if self.endless == "in order" else "b"
        if self.endless == "alternating":
            after = "a" if request.after == "b" else "b"
        servers = tuple(Listed(id=f"s-{self.pages}-{n}", state=InstanceState.RUNNING) for n in range(100))
        return ProviderListReply(servers=servers, next=after)

    async def observe(self, request: ObserveRequest) -> ObserveReply:
        """Report servers as found and as gone."""
        seen = await super().observe(request)
        ids = tuple(one.id for one in request.servers)
        return seen.model_copy(update={"gone": ids}) if self.contradicts else seen

    async def apply(self, request: ApplyRequest) -> ApplyReply:
        """Report another server's state as the outcome."""
        reply = await super().apply(request)
        if self.replies_about is None:
            return reply
        other = Observation(id=self.replies_about, state=InstanceState.RUNNING)
        return reply.model_copy(update={"observed": other})


async def begun(cloud: Cloud, agent: ScriptedAgent) -> None:
    await agent.register()
    await agent.renew()
    await until_answer(cloud.providers, lambda found: LAB in found and found[LAB].connected)


@pytest.mark.parametrize("order", ["in order", "the same", "alternating"])
async def test_a_list_without_an_end_changes_nothing(
    broker: NatsConnection, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "SERVERS_MAX", 500)
    agent = HostileAgent(broker)
    async with (
        service(broker, delay_seconds=0.1, list_seconds=0.2, lost_grace_seconds=0.0),
        serving(agent, broker),
    ):
        cloud = Cloud(broker)
        await begun(cloud, agent)
        kept = await cloud.created(template=TEMPLATE)
        agent.endless, before = order, agent.pages
        await until(lambda: agent.pages > before + 12)
        agent.endless, before = None, agent.pages
        await until(lambda: agent.pages > before + 2)
        (found,) = (await cloud.page()).instances
        assert (found.id, found.condition) == (kept, Condition.OK)


async def test_more_servers_than_a_provider_may_have_are_not_taken_in(
    broker: NatsConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "SERVERS_MAX", 3)
    agent = HostileAgent(broker)
    async with service(broker, list_seconds=0.2, lost_grace_seconds=0.0), serving(agent, broker):
        cloud = Cloud(broker)
        await begun(cloud, agent)
        for turn in range(3):  # others each time: those that are lost count, too
            keys = [f"s-{turn}-{number}" for number in range(3)]
            agent.servers = {key: Listed(id=key, state=InstanceState.RUNNING) for key in keys}
            before = agent.pages
            await until(lambda before=before: agent.pages > before + 8)  # type: ignore[misc]
        assert len((await cloud.page()).instances) == 3


async def test_a_listed_server_does_not_take_the_name_of_another(broker: NatsConnection) -> None:
    agent = HostileAgent(broker)
    async with service(broker, delay_seconds=0.1, list_seconds=0.2), serving(agent, broker):
        cloud = Cloud(broker)
        await begun(cloud, agent)
        web = await cloud.created(name="web")
        agent.servers = {key: Listed(id=key, state=InstanceState.RUNNING) for key in ("web", "x-1")}
        await until_answer(lambda: cloud.instance("x-1"), bool)
        operation = (await cloud.change(Command.START, "web")).operation
        assert operation.instance_id == web


async def test_a_server_that_is_reported_as_found_and_gone_is_as_before(broker: NatsConnection) -> None:
    agent = HostileAgent(broker)
    async with service(broker, delay_seconds=0.1, list_seconds=0.2), serving(agent, broker):
        cloud = Cloud(broker)
        await begun(cloud, agent)
        doubted, other = await cloud.created(template=TEMPLATE), await cloud.created(template=TEMPLATE)
        agent.contradicts = True
        await agent.notify(gone=(doubted,))
        await agent.notify(agent.change(other, InstanceState.RUNNING))  # found by the list, not by the notice
        await until_answer(
            lambda: cloud.instance(other), lambda one: one and one.state is InstanceState.RUNNING
        )
        kept = await cloud.kept(instance_events(doubted))
        assert EventType.LOST not in [one.event.type for one in kept]


async def test_a_reply_about_another_server_is_no_outcome(broker: NatsConnection) -> None:
    agent = HostileAgent(broker)
    async with service(broker, delay_seconds=0.1, create_timeout_seconds=600.0), serving(agent, broker):
        cloud = Cloud(broker)
        await begun(cloud, agent)
        agent.replies_about = "another"
        operation = (await cloud.create(template=TEMPLATE)).operation
        await until(lambda: len(agent.asked) >= 2)
        assert (await cloud.show(operation.id)).operation.status is OperationStatus.PENDING
        agent.replies_about = None
        assert (await cloud.finished(operation)).status is OperationStatus.DONE


async def test_progress_is_stored_once_a_second_however_often_it_changes(broker: NatsConnection) -> None:
    agent = HostileAgent(broker)
    async with service(broker, delay_seconds=0.1), serving(agent, broker):
        cloud = Cloud(broker)
        await begun(cloud, agent)
        agent.held.add(Command.CREATE)
        instance_id = (await cloud.create(template=TEMPLATE)).operation.instance_id
        while len(agent.asked) < 60:
            agent.progress = Progress(text=f"step {len(agent.asked)}")
            await agent.notify(gone=(instance_id,))
            asked = len(agent.asked)
            await until(lambda asked=asked: len(agent.asked) > asked)  # type: ignore[misc]
        kept = await cloud.kept(instance_events(instance_id))
        times = [one.event.timestamp for one in kept if one.event.type is EventType.WORKING][1:]
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
        assert all(gap > 0.5 for gap in gaps)


async def test_records_and_leases_in_the_name_of_others_have_no_effect(broker: NatsConnection) -> None:
    agent = HostileAgent(broker)
    async with service(broker, delay_seconds=0.1), serving(agent, broker):
        cloud = Cloud(broker)
        await begun(cloud, agent)
        for subject, name in (("evil", LAB), ("evil", SIMULATED), (SIMULATED, SIMULATED)):
            await broker.jetstream.publish(agent_record(subject), encode(record(name)))
        await broker.jetstream.publish(agent_lease(SIMULATED), encode(AgentLease(process="x")))
        agent.process = uuid4().hex
        await agent.register()
        await until_answer(cloud.providers, lambda found: LAB in found)
        assert set(await cloud.providers()) == {LAB, SIMULATED}
        assert (await refusal(cloud.create(template="evil/small"))).code is ErrorCode.TEMPLATE_UNKNOWN
        await cloud.created(template=SIMULATED)
        await cloud.created(template=f"{LAB}/{TEMPLATE}")


def record(name: str, templates: int = 0) -> AgentRecord:
    """A record with large templates."""
    large = TemplateView(
        name="t", description="d" * 200, image="i" * 255, memory=NUMBER_MAX, cpus=0.12345678901234
    )
    views = tuple(large.model_copy(update={"name": f"template-{n}"}) for n in range(templates))
    return AgentRecord(name=name, kind="evil", process="x", templates=views, started_at=datetime.now(UTC))


def stored(subject: str, payload: bytes, seq: int) -> StreamMessage:
    return StreamMessage(seq, subject, payload, at=datetime.now(UTC))


async def test_there_is_a_limit_of_providers_and_their_list_fits_into_a_reply() -> None:
    found = ProviderDirectory(InstanceProjection(), lambda: datetime.now(UTC))
    for number in range(3 * PROVIDERS_MAX):
        name = f"evil-{number}"
        found.on_message(stored(agent_record(name), encode(record(name, TEMPLATES_MAX)), number + 1))
        found.on_message(stored(agent_lease(name), encode(AgentLease(process="x")), number + 1))
    reply = await found.providers(ProvidersRequest())
    assert len(reply.providers) == PROVIDERS_MAX + 1
    assert len(encode(reply)) < NATS_PAYLOAD_BYTES
    assert all(view.templates for view in reply.providers)
    fault = found.adoption_refusal("unknown", "x", "y")
    assert fault is not None
    assert fault.code is ErrorCode.PROVIDER_UNKNOWN


async def test_the_templates_of_a_few_agents_are_all_listed() -> None:
    found = ProviderDirectory(InstanceProjection(), lambda: datetime.now(UTC))
    for number in range(5):
        name = f"lab-{number}"
        found.on_message(stored(agent_record(name), encode(record(name, TEMPLATES_MAX)), number + 1))
    reply = await found.providers(ProvidersRequest())
    assert {len(view.templates) for view in reply.providers} == {1, TEMPLATES_MAX}
    assert json.loads(encode(reply))
    assert directories.PROVIDERS_MAX
