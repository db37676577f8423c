"""A process that delivers events is killed (SIGKILL) between any two steps; another one goes on."""

import asyncio
from pathlib import Path

import pytest

from opsroom_contracts.incidents.webhooks import WebhookFilter, WebhookTopic
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.forks import Forks, forks
from opsroom_testkit.step_proxy import StepProxy
from opsroom_testkit.waiting import until
from services.chat.tests.harness import service as chat_service
from services.cloud.tests.harness import Cloud
from services.cloud.tests.harness import service as cloud_service
from services.incidents.tests.harness import SECONDS
from services.incidents.tests.webhooks.admin import Admin
from services.incidents.tests.webhooks.receiver import Answer, Receiver, receiver

STEPS = 6
"""An event arrives, the reads of the webhook and of its progress, the write of the progress, the
acknowledgement of the event, and the request for the next one."""
LEAST = 3
ENVIRON = {
    "INCIDENTS_WEBHOOK_PRIVATE": "true",
    "INCIDENTS_WEBHOOK_SECONDS": "0.5",
    "INCIDENTS_WEBHOOK_RETRY_SECONDS": "0.1",
    "INCIDENTS_WEBHOOK_RETRY_MAX_SECONDS": "0.5",
}
_SENT = (
    b"$JS.API.STREAM.MSG.GET.INCIDENTS",
    b"$JS.API.CONSUMER.MSG.NEXT.CLOUD",
    b"incidents.webhook-progress.",
    b"$JS.ACK.CLOUD.",
)
SERVERS = WebhookFilter(topics=(WebhookTopic.SERVERS,))


def is_step(subject: bytes, body: bytes, from_process: bool) -> bool:
    """Whether this is part of a delivery."""
    if from_process:
        return subject.startswith(_SENT)
    return subject.startswith(b"_INBOX.") and b'"type":"renamed"' in body


async def killed_at(step: int, cloud: Cloud, server: str, url: str, forked: Forks) -> bool:
    """Rename a server while a process delivers that is killed at this step. Returns whether it got so far."""
    proxy = StepProxy(int(url.rpartition(":")[2]), is_step=is_step, serves=b"SUB incidents.webhooks ")
    behind = f"nats://127.0.0.1:{await proxy.start()}"
    try:
        async with forked.service("incidents", NATS_URL=behind, **ENVIRON) as killed:
            await until(proxy.serves.is_set, SECONDS)
            proxy.stop_at(step, killed.kill)
            await cloud.rename(server, f"web-{step}")
            try:
                async with asyncio.timeout(5):
                    await proxy.reached.wait()
            except TimeoutError:
                pass  # it has fewer steps; the other process finds nothing to do
    finally:
        await proxy.stop()
    return proxy.reached.is_set()


def names(got: Receiver) -> list[str]:
    """Return the names that a server got, in the order in which the receiver first took them."""
    taken = [one for one in got.requests if one.body["type"] == "server.renamed" and one.id in got.accepted]
    return list(dict.fromkeys(one.body["data"]["event"]["instance"]["name"] for one in taken))


@pytest.mark.timeout(400)
async def test_every_event_arrives_in_order_wherever_a_process_dies(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    url, cloud = broker_process.url, Cloud(broker)
    here = {"NATS_URL": url, **ENVIRON}
    async with (
        chat_service(broker),
        cloud_service(broker),
        receiver() as got,
        forks(tmp_path, "incidents") as forked,
    ):
        server = await cloud.created()
        async with forked.service("incidents", **here):
            got.secrets.append((await Admin(broker).create(got.url, SERVERS)).secret)
        reached = 0
        for step in range(1, STEPS + 1):
            got.usual = Answer(500) if step == STEPS else Answer()
            reached += await killed_at(step, cloud, server, url, forked)
        got.usual = Answer()
        wanted = [f"web-{step}" for step in range(1, STEPS + 1)]
        async with forked.service("incidents", **here), forked.service("incidents", **here):
            await until(lambda: len(names(got)) >= STEPS, SECONDS)
    assert names(got) == wanted
    assert got.problems == []
    assert reached >= LEAST, "a delivery has become so short that no process is killed in its middle"
