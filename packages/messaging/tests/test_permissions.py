"""Least privilege at the broker: each service may do its work, and nothing that is another's."""

import asyncio
import json
import os
import sysconfig
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.credentials import Credentials, CredentialsError
from opsroom_messaging.deployment.broker_accounts import context_file, main, password_file
from opsroom_messaging.deployment.permissions import OPERATOR, SERVICES
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.processes import gateway, service
from opsroom_testkit.waiting import PATIENCE_SECONDS, until, until_answer


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[GuardedBroker]:
    """A broker of this test's own, with users."""
    process = GuardedBroker(tmp_path)
    await process.start()
    yield process
    await process.stop()


@asynccontextmanager
async def connected(guarded: GuardedBroker, user: str) -> AsyncIterator[NatsConnection]:
    """A connection of ``user``."""
    broker = await connect(guarded.url, name=user, access=guarded.access(user))
    try:
        yield broker
    finally:
        await broker.close()


FORGERIES = {
    "gateway": (
        "cloud.events.x",
        "cloud.due.x",
        "cloud.timers.x",
        "chat.events.general.x",
        "chat.members.x",
        "chat.names.x",
        "$JS.API.STREAM.DELETE.CHAT",
        "$JS.API.STREAM.PURGE.CLOUD",
        "_INBOX.chat.x.y",
    ),
    "chat": (
        "cloud.events.x",
        "cloud.create",
        "cloud.operations.x",
        "$KV.gateways.x",
        "$JS.API.STREAM.CREATE.X",
        "$JS.API.STREAM.DELETE.CLOUD",
        "_INBOX.gateway.x.y",
    ),
    "cloud": (
        "chat.events.general.x",
        "chat.members.x",
        "chat.send",
        "chat.typing.general",
        "$JS.API.STREAM.DELETE.CLOUD",
        "$JS.API.STREAM.INFO.CHAT",
        "_INBOX.gateway.x.y",
    ),
}


@pytest.mark.parametrize("user", SERVICES)
async def test_what_is_anothers_is_refused_and_logged(
    guarded: GuardedBroker, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[bytes] = []
    subjects = FORGERIES[user]
    async with connected(guarded, OPERATOR) as operator, connected(guarded, user) as broker:
        await operator.listen(">", heard.append)
        await operator.client.flush()
        for subject in subjects:
            await broker.publish(subject, b"forged")
        await broker.client.flush()
        await until(lambda: sum("Publish Violation" in line for line in guarded.refusals()) == len(subjects))
        await operator.client.flush()
    assert b"forged" not in heard
    assert sum("permissions violation for publish" in line for line in caplog.messages) == len(subjects)


@pytest.mark.parametrize("user", SERVICES)
async def test_answers_to_others_and_requests_to_others_can_not_be_heard(
    guarded: GuardedBroker, user: str
) -> None:
    requests = {"chat": "chat.send", "cloud": "cloud.create", "gateway": "$KV.gateways.*"}
    others = [name for name in SERVICES if name != user]
    wanted = [">", "_INBOX.>", "_INBOX.operator.>", *(f"_INBOX.{name}.>" for name in others)]
    wanted += [requests[name] for name in others]
    async with connected(guarded, user) as broker:
        for subject in wanted:
            await broker.listen(subject, lambda _: None)
        await broker.client.flush()
        await until(
            lambda: sum("Subscription Violation" in line for line in guarded.refusals()) == len(wanted)
        )


async def test_the_real_services_do_all_their_work_and_nothing_is_refused(
    guarded: GuardedBroker, tmp_path: Path
) -> None:
    async with (
        service("chat", tmp_path, **guarded.environ("chat")),
        service("cloud", tmp_path, CLOUD_DELAY_SECONDS="0.2", **guarded.environ("cloud")),
        gateway(tmp_path, **guarded.environ("gateway")),
        connected(guarded, OPERATOR) as operator,
    ):

        async def ask(subject: str, **payload: object) -> dict[str, object]:
            reply = await operator.client.request(subject, json.dumps(payload).encode(), timeout=5)
            return dict(json.loads(reply.data))

        user = (await ask("chat.register", name="ann"))["user"]
        assert isinstance(user, dict)
        await ask("chat.send", userId=user["id"], clientId="1", room="general", text="hi")
        assert (await ask("chat.history", room="general"))["messages"]
        operation = (await ask("cloud.create"))["operation"]
        assert isinstance(operation, dict)
        await until_answer(
            lambda: ask("cloud.operation", operationId=operation["id"]),
            lambda shown: '"done"' in json.dumps(shown),
        )
        assert (await ask("gateway.status"))["missing"] == []
        await operator.client.request("$SRV.PING", b"", timeout=5)
    assert guarded.refusals() == []


def test_files_for_containers_are_private_and_stay(tmp_path: Path) -> None:
    main(tmp_path, "nats://broker:4222")
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    main(tmp_path, "nats://broker:4222")
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert {path.stat().st_mode & 0o777 for path in before} == {0o600}
    assert json.loads(context_file(tmp_path).read_text())["url"] == "nats://broker:4222"


PEM = "no certificate"


@pytest.mark.parametrize(
    ("access", "named"),
    [
        (lambda _: Credentials(user="chat"), "NATS_PASSWORD_FILE"),
        (lambda file: Credentials("chat", file / "none"), "NATS_PASSWORD_FILE=.*No such file"),
        (lambda file: Credentials("chat", file / "empty"), "the file is empty"),
        (lambda file: Credentials("chat", file / "pem", file / "pem"), "two proofs"),
        (lambda file: Credentials(tls_ca=file / "pem"), "NATS_TLS_CA"),
        (lambda file: Credentials(tls_cert=file / "pem"), "NATS_TLS_KEY"),
        (lambda file: Credentials(credentials_file=file / "none"), "NATS_CREDENTIALS_FILE"),
    ],
)
def test_what_can_not_be_used_is_said_by_its_setting(
    tmp_path: Path, access: Callable[[Path], Credentials], named: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "pem").write_text(PEM)
    with pytest.raises(CredentialsError, match=named):
        access(tmp_path).options()


async def test_a_changed_password_is_read_at_the_next_connection(guarded: GuardedBroker) -> None:
    async with connected(guarded, "chat") as broker:
        back = asyncio.Event()
        broker.on_reconnect(back.set)
        await guarded.stop()
        password_file(guarded.users, "chat").write_text("another-password\n")
        await guarded.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await back.wait()


async def test_brokers_in_containers_become_a_cluster_by_what_is_made_for_them(tmp_path: Path) -> None:
    main(tmp_path, "nats://127.0.0.1:4222", ["127.0.0.1", "localhost"])
    secret = tmp_path / "nats" / "cluster.conf"
    assert secret.stat().st_mode & 0o077 == 0
    before = secret.read_text()
    main(tmp_path, "nats://127.0.0.1:4222", ["127.0.0.1", "localhost"])
    assert secret.read_text() == before
    config = Path(__file__).parents[3] / "deploy" / "nats" / "cluster.conf"
    (tmp_path / "cluster.conf").write_text(config.read_text())
    (tmp_path / "secret").symlink_to(tmp_path / "nats")
    server = Path(sysconfig.get_path("scripts")) / "nats-server"
    process = await asyncio.create_subprocess_exec(
        server, "-t", "-c", tmp_path / "cluster.conf", env={**os.environ, "NATS_NAME": "one"}, stderr=PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, said
