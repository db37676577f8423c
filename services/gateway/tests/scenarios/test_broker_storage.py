"""A broker that stores nothing, and one that has lost everything, under a running portal."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from nats.js.errors import ServiceUnavailableError

from opsroom_client import Opsroom
from opsroom_messaging.client.connection import connect
from opsroom_testkit.broker import CAN_FILL_DISK, BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.portal import portal_at

MIB = 1024**2
NO_ROOM = "there is no room to store anything"
_AT_ONCE_SECONDS = 10.0
"""Less than the gateway's patience with a service."""
STREAMS = {"CHAT", "MEMBERS", "CLOUD", "AGENTS", "AUDIT", "KV_gateways", "PROBES", "FILES"}


@asynccontextmanager
async def serving(process: BrokerProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A portal on ``process`` that is ready; yields a client of its gateway."""
    async with portal_at(process.url) as portal, portal.gateway.requests() as http:
        await until_answer(lambda: http.get("/readyz"), lambda reply: reply.status_code == 200)
        yield http


async def unready(http: httpx.AsyncClient, words: str) -> None:
    """Wait until the gateway is not ready, for a reason with ``words``."""
    await until_answer(
        lambda: http.get("/readyz"),
        lambda reply: reply.status_code == 503 and words in reply.json()["reason"],
        timeout=60,
    )


async def problems(http: httpx.AsyncClient) -> list[str]:
    """Return why each process is not ready, as the status shows it; empty texts for those that are."""
    status = (await http.get("/api/v1/status")).raise_for_status().json()
    return [one.get("problem", "") for one in status["replicas"]]


async def works(http: httpx.AsyncClient, name: str) -> None:
    """Wait until the gateway is ready, and use the portal."""
    await until_answer(lambda: http.get("/readyz"), lambda reply: reply.status_code == 200, timeout=60)
    async with Opsroom(str(http.base_url), timeout=20) as opsroom:
        user = await opsroom.register(name)
        async with opsroom.chat(user.token) as chat:
            await chat.send("hello")
        seq = (await opsroom.cloud.instances()).seq
        await opsroom.cloud.finished(await opsroom.cloud.create(), seq)
        assert [message.text for message in await opsroom.history()][-1] == "hello"


async def refuses_at_every_door(http: httpx.AsyncClient) -> None:
    """Wait until everything that has to be stored is refused at once, because there is no room."""
    doors = (
        ("/api/v1/chat/users", {"name": "Eve"}),
        ("/api/v1/cloud/instances", None),
        ("/chat/new-user", {"name": "Eve"}),
        ("/cloud", None),
    )
    for path, body in doors:

        async def refused(path: str = path, body: dict[str, str] | None = body) -> httpx.Response | None:
            try:
                return await http.post(path, json=body, timeout=_AT_ONCE_SECONDS)
            except httpx.ReadTimeout:
                return None  # the write that shows that there is no room

        response = await until_answer(refused, lambda found: found is not None and NO_ROOM in found.text, 60)
        assert response is not None
        assert response.status_code == 503, path
        if path.startswith("/api/"):
            assert response.headers["Retry-After"] == "5"


@pytest.mark.skipif(not CAN_FILL_DISK, reason="needs prlimit")
async def test_with_a_full_disk_the_portal_is_not_ready_and_says_why(broker_process: BrokerProcess) -> None:
    async with serving(broker_process) as http:
        broker_process.fill_disk()
        await unready(http, "do not land")
        await refuses_at_every_door(http)
        broker_process.free_disk()
        await unready(http, "do not land")  # the broker goes on refusing
        await until_answer(
            lambda: problems(http), lambda found: all("do not land" in problem for problem in found)
        )
        await broker_process.stop()
        await broker_process.start()
        await works(http, "Ann")
        assert not any(await problems(http))


async def test_at_the_brokers_storage_limit_it_is_ready_again_once_there_is_space(tmp_path: Path) -> None:
    process = BrokerProcess(tmp_path, 200 * MIB)
    await process.start()
    operator = await connect(process.url, name="operator")
    try:
        async with serving(process) as http:
            await operator.jetstream.add_stream(name="OTHER", subjects=["other"], storage="file")
            with suppress(ServiceUnavailableError):
                while True:
                    await operator.jetstream.publish("other", bytes(900_000))
            await unready(http, "insufficient")
            await refuses_at_every_door(http)
            await operator.jetstream.delete_stream("OTHER")
            await works(http, "Ann")
    finally:
        await operator.close()
        await process.stop()


async def test_deleted_streams_are_created_again(broker_process: BrokerProcess) -> None:
    operator = await connect(broker_process.url, name="operator")
    try:
        async with serving(broker_process) as http:
            await works(http, "Ann")
            for stream in STREAMS:
                await operator.jetstream.delete_stream(stream)
            await until_answer(
                operator.jetstream.streams_info, lambda found: {one.config.name for one in found} == STREAMS
            )
            await works(http, "Bob")
    finally:
        await operator.close()


async def test_a_broker_that_lost_its_disk_is_set_up_again(
    broker_process: BrokerProcess, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(broker_process) as http:
        await works(http, "Ann")
        await broker_process.stop()
        shutil.rmtree(tmp_path / "jetstream")
        await broker_process.start()
        await works(http, "Bob")
    assert len(caplog.messages) < 80, caplog.messages
