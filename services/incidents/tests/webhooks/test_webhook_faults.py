"""Webhooks in worse conditions: two processes, a broker with users, and events that are no longer there."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from opsroom_contracts.incidents.webhooks import WebhookFilter, WebhookTopic
from opsroom_contracts.subjects import CLOUD_STREAM
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.forks import ForkedProcess, forks
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.step_proxy import StepProxy
from opsroom_testkit.waiting import until, until_answer
from services.chat.tests.harness import service as chat_service
from services.cloud.tests.harness import Cloud
from services.cloud.tests.harness import service as cloud_service
from services.incidents.tests.harness import SECONDS, service
from services.incidents.tests.hooks import Hooks
from services.incidents.tests.webhooks.admin import FAST, Admin
from services.incidents.tests.webhooks.receiver import Answer, Receiver, receiver
from services.incidents.tests.webhooks.test_webhook_kills import ENVIRON, SERVERS, names


@pytest.fixture
async def got() -> AsyncIterator[Receiver]:
    """A receiver that has found nothing wrong at the end."""
    async with receiver() as made:
        yield made
        assert made.problems == []


async def test_another_process_delivers_what_one_was_delivering_when_it_was_killed(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path, got: Receiver
) -> None:
    holders: list[str] = []

    def noting(name: str) -> StepProxy:
        def note(_subject: bytes, body: bytes, from_process: bool) -> bool:
            if not from_process and b'"type":"renamed"' in body:
                holders.append(name)
            return False

        port = int(broker_process.url.rpartition(":")[2])
        return StepProxy(port, serves=b"SUB incidents.webhooks ", is_step=note)

    cloud = Cloud(broker)
    async with chat_service(broker), cloud_service(broker), AsyncExitStack() as stack:
        server = await cloud.created()
        forked = await stack.enter_async_context(forks(tmp_path, "incidents"))
        running: dict[str, ForkedProcess] = {}
        for name in ("one", "two"):
            proxy = noting(name)
            url = f"nats://127.0.0.1:{await proxy.start()}"
            stack.push_async_callback(proxy.stop)
            running[name] = await stack.enter_async_context(
                forked.service("incidents", NATS_URL=url, **ENVIRON)
            )
            await until(proxy.serves.is_set, SECONDS)
        got.secrets.append((await Admin(broker).create(got.url, SERVERS)).secret)
        got.usual = Answer(slow=True)
        await cloud.rename(server, "web-1")
        await until(lambda: got.requests, SECONDS)
        await running[holders[-1]].kill()
        got.usual = Answer()
        await cloud.rename(server, "web-2")
        await until(lambda: len(names(got)) == 2, SECONDS)
    assert names(got) == ["web-1", "web-2"]
    assert set(holders) == set(running), "the other process has taken it"


async def test_events_that_retention_has_dropped_are_in_the_state(
    broker: NatsConnection, got: Receiver
) -> None:
    admin, cloud = Admin(broker), Cloud(broker)
    async with chat_service(broker), cloud_service(broker), service(broker, **FAST):
        server = await cloud.created()
        got.secrets.append((await admin.create(got.url, SERVERS)).secret)
        got.usual = Answer(500)
        for name in ("lost-1", "lost-2", "kept"):
            await cloud.rename(server, name)
        failing = await admin.until_state("failing")
        assert failing.lost is None
        kept = (await cloud.kept())[-1].message.seq
        purge = json.dumps({"seq": kept}).encode()  # what is older, as if it had become too old
        await broker.client.request(f"$JS.API.STREAM.PURGE.{CLOUD_STREAM}", purge, timeout=SECONDS)
        got.usual = Answer()
        await cloud.rename(server, "later")  # a purge alone does not wake who waits for the next message
        await until(lambda: len(names(got)) == 2, SECONDS)
        assert names(got) == ["kept", "later"]
        lost = (await admin.until_state("active")).lost
        assert lost is not None
        assert (lost.first, lost.last) == (failing.failing_event, f"{CLOUD_STREAM}-{kept - 1}")


async def test_a_broker_with_users_lets_webhooks_do_all_their_work(tmp_path: Path, got: Receiver) -> None:
    guarded = GuardedBroker(tmp_path)
    await guarded.start()
    try:
        async with AsyncExitStack() as stack:
            users: dict[str, NatsConnection] = {}
            for name in ("chat", "cloud", "incidents", "gateway"):
                users[name] = await connect(guarded.url, name=name, credentials=guarded.access(name))
                stack.push_async_callback(users[name].close)
            await stack.enter_async_context(chat_service(users["chat"]))
            await stack.enter_async_context(cloud_service(users["cloud"]))
            await stack.enter_async_context(service(users["incidents"], **FAST))
            admin, hooks = Admin(users["gateway"]), Hooks(users["gateway"])
            wanted = WebhookFilter(topics=(WebhookTopic.SERVERS, WebhookTopic.ALERTS))
            made = await admin.create(got.url, wanted)
            got.secrets.append(made.secret)
            got.secrets.append((await admin.rotate(made.webhook)).secret)
            got.answers = [Answer(500)]
            await Cloud(users["gateway"]).create()
            secret = (await hooks.create()).secret
            await hooks.post(secret, {"title": "Backup failed", "key": "backup", "status": "down"})
            await until(lambda: {"server.received", "alert.firing"} <= set(got.types), SECONDS)
            await until(lambda: len(set(got.accepted)) >= 2, SECONDS)
            await until_answer(admin.one, lambda one: one.delivered_at and one.failing_event is None, SECONDS)
            await admin.replay(made.webhook, got.ids[0])
            await until(lambda: got.accepted.count(got.ids[0]) >= 2, SECONDS)
            await admin.delete(made.webhook)
            assert await admin.all() == []
    finally:
        await guarded.stop()
