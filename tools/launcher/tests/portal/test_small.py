"""`up --small`: chat, cloud and incidents in one process."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from opsroom_client import Opsroom
from opsroom_testkit.ports import free_port
from opsroom_testkit.waiting import until_answer
from tools.launcher.tests.portal.test_up import (
    START_SECONDS,
    Portal,
    answers_ready,
    create_instance,
    instances,
    kill_and_see_back,
    printed_token,
    ready_portal,
)
from tools.launcher.tests.processes import is_running

SERVICES = ("chat", "cloud", "incidents")


@pytest.mark.timeout(600)  # two starts, each of which takes a minute on a busy machine
async def test_services_in_one_process_work_come_back_and_drain() -> None:
    port = free_port()
    async with ready_portal("--ephemeral", "--small", SERVICES_ADMIN_PORT=str(port)) as running:
        assert set(running.family()) == {"sh", "nats-server", "launcher.services", "gateway"}
        await services_are_ready(port)
        await all_services_work(running, "before")
        assert await services_in_metrics(port) == set(SERVICES)
        await kill_and_see_back(running, "launcher.services")
        await services_are_ready(port)
        await until_answer(lambda: answers_ready(running.web), bool, START_SECONDS)
        await all_services_work(running, "after")
        assert len(await instances(running.web)) == 2
        family = running.family()
        assert await running.stop() == 0
        assert not any(is_running(pid) for pid in family.values())
    (death,) = [line for line in running.lines if "restarting" in line]
    assert death.split()[2] == "services"
    for name in SERVICES:
        assert any(line.endswith(f"opsroom_{name}: stopping service={name}") for line in running.lines), name
    assert not any("didn't stop" in line for line in running.lines), running.lines


async def services_are_ready(port: int) -> None:
    """Wait until the admin server of the services says so, as long as the launcher waits for a start."""
    await until_answer(lambda: answers_ready(f"http://127.0.0.1:{port}"), bool, START_SECONDS)


async def all_services_work(running: Portal, name: str) -> None:
    """Register at the chat service, send a command to cloud, and ask incidents; all are in the status."""
    await create_instance(running.web)
    async with Opsroom(running.web) as guest:
        await guest.register(name)
    async with Opsroom(running.web, token=printed_token(running)) as admin:
        assert await admin.hooks.all() == ()
        status = await until_answer(admin.status, lambda status: len(status.replicas) == 4)
    assert {replica.service for replica in status.replicas} == {*SERVICES, "gateway"}
    assert status.missing == ()


async def services_in_metrics(port: int) -> set[str]:
    """The services whose metrics the one admin server has; all must be connected to the broker."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        page = (await client.get("/metrics")).text
    connected = [
        sample
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "opsroom_nats_connected"
    ]
    assert {sample.value for sample in connected} == {1.0}
    return {sample.labels["service"] for sample in connected}
