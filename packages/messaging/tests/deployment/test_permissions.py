"""Least privilege at the broker: each service can do its work and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.deployment.permissions import SERVICES
from opsroom_messaging.deployment.private_files import OPERATOR, password_file
from opsroom_messaging.jetstream.streams import cloud_stream, ensure_stream
from opsroom_messaging.jetstream.worker import WorkerConsumer
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.processes import gateway, service
from opsroom_testkit.waiting import PATIENCE_SECONDS, until, until_answer


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[GuardedBroker]:
    """A broker with users, for one test."""
    process = GuardedBroker(tmp_path)
    await process.start()
    yield process
    await process.stop()


@asynccontextmanager
async def connected(guarded: GuardedBroker, user: str) -> AsyncIterator[NatsConnection]:
    """A connection as ``user``."""
    broker = await connect(guarded.url, name=user, credentials=guarded.access(user))
    try:
        yield broker
    finally:
        await broker.close()


READS_OF_ROOMS = (
    *("$JS.API.STREAM.MSG.GET.CHAT", "$JS.API.DIRECT.GET.CHAT", "$JS.API.CONSUMER.CREATE.CHAT.x"),
    *("$JS.API.STREAM.MSG.GET.MEMBERS", "$JS.API.DIRECT.GET.MEMBERS", "$JS.API.CONSUMER.CREATE.MEMBERS.x"),
    *("$JS.API.STREAM.MSG.GET.FILES", "$JS.API.DIRECT.GET.FILES", "$JS.API.CONSUMER.CREATE.FILES.x"),
    *(
        "chat.history",
        "chat.thread",
        "chat.pins",
        "chat.search",
        "chat.file",
        "chat.rooms",
        "chat.room-members",
    ),
    *("chat.unread", "chat.unread-threads", "chat.followed-threads", "chat.whoami", "chat.import"),
)
"""By these, messages, files and memberships are read. Servers and agents have no use for them."""
FORBIDDEN = {
    "gateway": (
        "cloud.events.x",
        "cloud.due.x",
        "cloud.timers.x",
        "chat.events.general.x",
        "chat.members.x",
        "chat.names.x",
        "$JS.API.STREAM.DELETE.CHAT",
        "$JS.API.STREAM.PURGE.CLOUD",
        "$JS.API.CONSUMER.DELETE.CLOUD.workers",
        "$JS.API.CONSUMER.CREATE.CLOUD",
        "$JS.API.CONSUMER.CREATE.CLOUD.workers",
        "$JS.API.CONSUMER.CREATE.CLOUD.workers.cloud.due.*",
        "$JS.API.CONSUMER.DURABLE.CREATE.CLOUD.workers",
        "$JS.API.CONSUMER.MSG.NEXT.CLOUD.workers",
        "$JS.API.CONSUMER.PAUSE.CLOUD.workers",
        "$JS.ACK.CLOUD.workers.1.1.1.1.0",
        "$JS.API.STREAM.MSG.DELETE.CHAT",
        "audit.accepted.create-x",
        "audit.accepted.chat.x",
        "probes.chat.x",
        "agents.leases.docker",
        "provider.docker.apply",
        "provider.docker.changed",
        "_INBOX.chat.x.y",
    ),
    "chat": (
        "cloud.events.x",
        "cloud.create",
        "cloud.operations.x",
        "$KV.gateways.x",
        "$JS.API.STREAM.CREATE.X",
        "$JS.API.STREAM.DELETE.CLOUD",
        "$JS.API.STREAM.UPDATE.CLOUD",
        "$JS.API.STREAM.PURGE.MEMBERS",
        "$JS.API.CONSUMER.CREATE.CHAT",
        "$JS.API.CONSUMER.DELETE.MEMBERS.x",
        "audit.accepted.gateway.x",
        "probes.cloud.x",
        "_INBOX.gateway.x.y",
    ),
    "cloud": (
        "chat.events.general.x",
        "chat.members.x",
        "chat.send",
        "chat.typing.general",
        "$JS.API.STREAM.DELETE.CLOUD",
        "$JS.API.STREAM.INFO.CHAT",
        "$JS.API.STREAM.MSG.DELETE.CLOUD",
        *READS_OF_ROOMS,
        "$JS.API.CONSUMER.DELETE.CLOUD.workers",
        "$JS.API.CONSUMER.CREATE.CLOUD.workers",
        "$JS.API.STREAM.PURGE.AUDIT",
        "audit.accepted.gateway.x",
        "$KV.gateways.x",
        "probes.chat.x",
        "agents.leases.docker",
        "agents.records.docker",
        "provider.docker.logs",
        "provider.docker.changed",
        "_INBOX.gateway.x.y",
    ),
    "incidents": (
        "chat.events.general.x",
        "chat.commands.x",
        "chat.members.x",
        "chat.send",
        "chat.typing.general",
        "cloud.events.x",
        "cloud.operations.x",
        "cloud.adopt",
        "$JS.API.STREAM.UPDATE.CHAT",
        "$JS.API.STREAM.MSG.DELETE.CHAT",
        "$JS.API.STREAM.MSG.GET.MEMBERS",
        "$JS.API.CONSUMER.CREATE.CHAT.x",
        "$JS.API.CONSUMER.DELETE.CHAT.commands",
        "$JS.API.STREAM.PURGE.INCIDENTS",
        "audit.accepted.gateway.x",
        "$KV.gateways.x",
        "probes.chat.x",
        "agents.leases.docker",
        "provider.docker.apply",
        "_INBOX.gateway.x.y",
    ),
    "agent": (
        "cloud.events.x",
        "cloud.create",
        "chat.send",
        "chat.events.general.x",
        "provider.docker.apply",
        "agents.other.docker",
        *READS_OF_ROOMS,
        "audit.accepted.x",
        "audit.refused.x",
        "$KV.gateways.x",
        "$JS.API.STREAM.MSG.GET.CLOUD",
        "$JS.API.STREAM.INFO.CLOUD",
        "$JS.API.STREAM.UPDATE.AGENTS",
        "$JS.API.STREAM.PURGE.AGENTS",
        "$JS.API.CONSUMER.CREATE.AGENTS.x",
        "probes.cloud.x",
        "_INBOX.cloud.x.y",
    ),
}


@pytest.mark.parametrize("user", SERVICES)
async def test_publishing_on_subjects_of_others_is_denied_and_logged(
    guarded: GuardedBroker, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    received: list[bytes] = []
    subjects = FORBIDDEN[user]
    async with connected(guarded, OPERATOR) as operator, connected(guarded, user) as broker:
        await operator.subscribe(">", received.append)
        await operator.client.flush()
        for subject in subjects:
            await broker.publish(subject, b"forged")
        await broker.client.flush()
        await until(lambda: sum("Publish Violation" in line for line in guarded.refusals()) == len(subjects))
        await operator.client.flush()
    assert b"forged" not in received
    assert sum("permissions violation for publish" in line for line in caplog.messages) == len(subjects)


@pytest.mark.parametrize("user", SERVICES)
async def test_subscribing_to_subjects_of_others_is_denied(guarded: GuardedBroker, user: str) -> None:
    requests = {
        "chat": "chat.send",
        "cloud": "cloud.create",
        "gateway": "$KV.gateways.*",
        "agent": "provider.docker.apply",
        "incidents": "incidents.plans.*",
    }
    others = [name for name in SERVICES if name != user]
    wanted = [">", "_INBOX.>", "_INBOX.operator.>", *(f"_INBOX.{name}.>" for name in others)]
    wanted += [requests[name] for name in others]
    if user in {"cloud", "agent"}:
        wanted += [
            "chat.events.>",
            "chat.events.r-x.>",
            "chat.typing.*",
            "chat.memberships.*",
            "chat.chunks.>",
        ]
    async with connected(guarded, user) as broker:
        for subject in wanted:
            await broker.subscribe(subject, lambda _: None)
        await broker.client.flush()
        await until(
            lambda: sum("Subscription Violation" in line for line in guarded.refusals()) == len(wanted)
        )


async def test_the_agent_of_one_provider_can_not_act_for_another(tmp_path: Path) -> None:
    guarded = GuardedBroker(tmp_path, ["docker", "docker-2"])
    await guarded.start()

    def refused(kind: str) -> int:
        return sum(f"{kind} Violation" in line for line in guarded.refusals())

    async with connected(guarded, "agent-docker") as broker:
        for publish, subscribe in (
            (_published_for("docker"), ("provider.docker.apply", "provider.docker.more")),
            (_published_for("docker-2"), ("provider.docker-2.apply", "provider.*.apply", "_INBOX.agent.>")),
        ):
            for subject in publish:
                await broker.publish(subject, b"{}")
            for subject in subscribe:
                await broker.subscribe(subject, lambda _: None)
            await broker.client.flush()
        await until(lambda: refused("Publish") == 4 and refused("Subscription") == 3)
        assert not any('"provider.docker.' in line or '.docker"' in line for line in guarded.refusals())
    await guarded.stop()


def _published_for(provider: str) -> list[str]:
    kinds = ("agents.records.{}", "agents.leases.{}", "provider.{}.changed", "provider.{}.streams.x")
    return [kind.format(provider) for kind in kinds]


async def test_no_request_about_consumers_can_name_the_workers_in_its_payload(
    guarded: GuardedBroker,
) -> None:
    """The broker takes the name from the payload if the subject has none."""
    workers = WorkerConsumer(ack_wait=30, max_pending=10)
    async with connected(guarded, OPERATOR) as operator, connected(guarded, "gateway") as gateway:
        await ensure_stream(operator, cloud_stream(replicas=1))
        await workers.ensure(operator)
        config = {"name": "workers", "ack_policy": "explicit", "filter_subject": "cloud.due.x"}
        payload = json.dumps({"stream_name": "CLOUD", "config": config}).encode()
        for subject in ("$JS.API.CONSUMER.CREATE.CLOUD", "$JS.API.CONSUMER.CREATE.CLOUD.other"):
            await gateway.client.publish(subject, payload)
        await gateway.client.flush()
        await until(guarded.refusals)
        assert await workers.exists(operator)


async def test_the_services_can_do_all_their_work(guarded: GuardedBroker, tmp_path: Path) -> None:
    async with (
        service("chat", tmp_path, **guarded.environ("chat")),
        service("cloud", tmp_path, CLOUD_DELAY_SECONDS="0.2", **guarded.environ("cloud")),
        service("incidents", tmp_path, **guarded.environ("incidents")),
        gateway(tmp_path, **guarded.environ("gateway")),
        connected(guarded, OPERATOR) as operator,
    ):

        async def request(subject: str, **payload: object) -> dict[str, object]:
            reply = await operator.client.request(subject, json.dumps(payload).encode(), timeout=5)
            return dict(json.loads(reply.data))

        user = (await request("chat.register", name="ann"))["user"]
        assert isinstance(user, dict)
        await request("chat.send", userId=user["id"], clientId="1", room="general", text="hi")
        assert (await request("chat.history", room="general"))["messages"]
        operation = (await request("cloud.create"))["operation"]
        assert isinstance(operation, dict)
        await until_answer(
            lambda: request("cloud.operation", operationId=operation["id"]),
            lambda operation: '"done"' in json.dumps(operation),
        )
        caller = {"actor": "ann", "identity": f"user:{user['id']}", "role": "operator"}
        said = {"userId": user["id"], "clientId": "2", "room": "general", "text": "/create as web-1"}
        await request("chat.send", **said, command={"name": "create", "caller": caller})
        await until_answer(
            lambda: request("chat.history", room="general"),
            lambda history: "create web-1" in json.dumps(history),
        )
        assert (await request("gateway.status"))["missing"] == []
        await operator.client.request("$SRV.PING", b"", timeout=5)
    assert guarded.refusals() == []


async def test_a_changed_password_is_read_at_the_next_reconnect(guarded: GuardedBroker) -> None:
    async with connected(guarded, "chat") as broker:
        reconnected = asyncio.Event()
        broker.on_reconnect(reconnected.set)
        await guarded.stop()
        password_file(guarded.users, "chat").write_text("another-password\n")
        await guarded.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await reconnected.wait()
