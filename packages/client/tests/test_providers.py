"""Providers on the command line, with an agent: templates, progress, logs, statistics, adoption."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from opsroom_agent.service import agent_service
from opsroom_agent.settings import AgentSettings, ProviderKind
from opsroom_client import Opsroom, OpsroomError
from opsroom_contracts.agents.protocol import TAIL_MAX, LogChunk, LogLine
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.http import CloudEvent
from opsroom_messaging.client.connection import connect
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from packages.client.tests.shell import Shell, terminal
from packages.client.tests.tcp_proxy import Proxy, proxy_to
from packages.client.tests.test_cli import complete
from services.gateway.tests.kit.portal import gateway_settings, services, serving

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def provided(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Proxy]:
    """A proxy to a portal with an agent whose provider is called ``lab``."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    settings = AgentSettings(
        provider=ProviderKind.SIMULATED,
        state_dir=tmp_path_factory.mktemp("agent"),
        simulated_delay_seconds=0.5,
        simulated_pull_seconds=1.0,
        simulated_log_rate=50.0,
    )
    async with services(process.url, delay=0.2), serving(process.url, gateway_settings()) as gateway:
        broker = await connect(process.url, name="agent")
        async with agent_service(broker, settings), proxy_to(gateway.port) as running_proxy:
            async with Opsroom(running_proxy.url) as opsroom:
                await until_answer(opsroom.cloud.providers, lambda found: found[0].connected)
            yield running_proxy
        await broker.close()
    await process.stop()


async def template(shell: Shell) -> str:
    """The name of a template of the agent."""
    found = map(json.loads, (await shell("servers", "templates", "--json")).stdout.splitlines())
    return next(str(one["name"]) for one in found if one["provider"] == "lab")


async def test_providers_and_templates_are_listed_and_completed(provided: Proxy) -> None:
    shell = Shell(provided.url)
    listed = (await shell("servers", "providers")).stdout.splitlines()
    (row,) = [line.split() for line in listed if line.startswith("lab ")]
    assert row[1:3] == ["simulated", "ok"]
    name = await template(shell)
    assert name in (await shell("servers", "templates")).stdout
    line = f"opsroom servers create --template {name[:3]}"
    await until_answer(lambda: complete(line, OPSROOM_URL=provided.url), lambda words: name in words)


async def test_a_server_of_a_template_has_progress_a_log_and_statistics(provided: Proxy) -> None:
    shell = Shell(provided.url)
    name = f"lab/{await template(shell)}"
    arguments = ("servers", "create", "--name", "inside", "--template", name, "--start", "--wait")
    async with terminal(provided.url, *arguments) as shown:
        await shown.shows(" %")
        await shown.shows("create done")
        assert await shown.exit_code() == 0
    history = await shell("servers", "history", "inside", "--type", "working")
    assert " %)" in history.stdout
    logged = await shell("servers", "logs", "inside", "--tail", "3")
    assert logged.exit_code == 0, logged.output
    assert len(logged.stdout.splitlines()) == 3
    used = await shell("servers", "stats", "inside")
    assert used.exit_code == 0, used.output
    assert "cpu" in used.stdout
    async with Opsroom(provided.url) as opsroom:
        async with opsroom.cloud.logs("inside", tail=0, follow=True) as chunks:
            assert (await anext(chunks)) is not None


async def test_a_followed_log_goes_on_through_lost_connections(provided: Proxy) -> None:
    shell = Shell(provided.url)
    name = f"lab/{await template(shell)}"
    arguments = ("--template", name, "--start", "--wait")
    assert (await shell("servers", "create", "--name", "long", *arguments)).exit_code == 0
    shown: list[LogLine] = []
    lost: list[OpsroomError | None] = []
    async with Opsroom(provided.url) as opsroom, asyncio.timeout(30):
        async with opsroom.cloud.follow_log("long", tail=5, on_connection=lost.append) as chunks:
            async for chunk in chunks:
                assert isinstance(chunk, LogChunk), "a gap, or the end"
                shown += chunk.lines
                if len(shown) > 20 * (len(lost) // 2 + 1):
                    if len(lost) == 6:
                        break
                    provided.cut()
        async with opsroom.cloud.logs("long", tail=TAIL_MAX) as chunks:
            whole = [
                line
                for one in [one async for one in chunks]
                if isinstance(one, LogChunk)
                for line in one.lines
            ]
    begin = whole.index(shown[0])
    assert shown == whole[begin : begin + len(shown)], "each line once, and in order"


async def test_what_runs_already_is_listed_and_taken_in(provided: Proxy) -> None:
    shell = Shell(provided.url)
    listed = await shell("servers", "adopt", "--json")
    found = [json.loads(line) for line in listed.stdout.splitlines()]
    assert len(found) == 3
    taken = await shell("servers", "adopt", found[0]["name"], "--name", "taken", "--wait")
    assert taken.exit_code == 0, taken.output
    assert taken.stdout.split()[1:] == ["adopt", "done"]
    left = (await shell("servers", "adopt", "--provider", "lab")).stdout
    assert found[0]["name"] not in left
    assert found[1]["name"] in left
    nothing = await shell("servers", "adopt", "nothing")
    assert (nothing.exit_code, "nothing that can be adopted is 'nothing'" in nothing.stderr) == (1, True)
    async with Opsroom(provided.url) as opsroom:
        adopted = (await opsroom.cloud.history("taken"))[-1]
    assert isinstance(adopted, CloudEvent)
    assert adopted.type is EventType.ADOPTED


async def test_a_simulated_server_has_neither_a_log_nor_statistics(provided: Proxy) -> None:
    shell = Shell(provided.url)
    assert (await shell("servers", "create", "--name", "plain", "--wait")).exit_code == 0
    for command in ("logs", "stats"):
        refused = await shell("servers", command, "plain")
        assert (refused.exit_code, "(unsupported)" in refused.stderr) == (1, True), refused.output
