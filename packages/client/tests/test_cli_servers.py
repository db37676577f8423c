"""Commands for servers: several at once, undo, removal, waiting, history, and output for programs."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from opsroom_client import Opsroom
from opsroom_testkit.broker import BrokerProcess
from packages.client.tests.shell import Shell, piped, terminal
from packages.client.tests.tcp_proxy import Proxy, proxy_to
from services.gateway.tests.kit.portal import gateway_settings, services, serving

pytestmark = pytest.mark.asyncio(loop_scope="package")

REASON = "the simulated provider is configured to fail"
SPINNER = "\u280b"


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def failing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Proxy]:
    """A proxy to a portal in which every command fails."""
    async with portal(tmp_path_factory.mktemp("broker"), delay=0.2, failure_rate=1.0) as proxy:
        yield proxy


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def slow(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Proxy]:
    """A proxy to a portal in which a command takes longer than any test."""
    async with portal(tmp_path_factory.mktemp("broker"), delay=600.0, failure_rate=0.0) as proxy:
        yield proxy


@asynccontextmanager
async def portal(folder: Path, *, delay: float, failure_rate: float) -> AsyncIterator[Proxy]:
    process = BrokerProcess(folder)
    await process.start()
    async with (
        services(process.url, delay=delay, failure_rate=failure_rate),
        serving(process.url, gateway_settings()) as gateway,
        proxy_to(gateway.port) as running_proxy,
    ):
        yield running_proxy
    await process.stop()


async def instances(proxy: Proxy, count: int) -> list[str]:
    """Create instances and return their ids."""
    async with Opsroom(proxy.url) as opsroom:
        since = (await opsroom.cloud.instances()).seq
        created = [await opsroom.cloud.create() for _ in range(count)]
        return [(await opsroom.cloud.finished(one, since)).instance_id for one in created]


async def states(proxy: Proxy, ids: list[str]) -> list[str | None]:
    async with Opsroom(proxy.url) as opsroom:
        found = {one.id: one.state.value for one in (await opsroom.cloud.instances()).instances}
    return [found.get(one) for one in ids]


async def test_a_failed_command_gives_its_reason_and_an_exit_code(failing: Proxy) -> None:
    shell = Shell(failing.url)
    failed = await shell("servers", "create", "--wait")
    assert failed.exit_code == 1
    instance_id, command, status = failed.stdout.split()
    assert (command, status) == ("create", "failed")
    assert failed.stderr == f"opsroom: create of {instance_id} failed: {REASON}\n"
    as_json = await shell("servers", "create", "--wait", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["reason"]) == (1, REASON)
    history = await shell("servers", "history", instance_id)
    assert [line.split()[2] for line in history.stdout.splitlines()] == ["received", "failed"]
    assert history.stdout.endswith(f"({REASON})\n")


async def test_a_cancelled_command_fails_the_wait(slow: Proxy) -> None:
    async with terminal(slow.url, "servers", "create", "--wait", "--key", "cancelled") as shown:
        await shown.shows(": due in")
        instance_id = shown.text.partition("create of ")[2][:36]
        assert (await Shell(slow.url)("servers", "undo", instance_id[:20])).exit_code == 0
        assert await shown.exit_code() == 1
        await shown.shows(f"opsroom: create of {instance_id} cancelled")


async def test_several_servers_are_commanded_at_once_by_unique_prefixes(proxy: Proxy) -> None:
    shell = Shell(proxy.url)
    ids = await instances(proxy, 3)
    done = await shell("servers", "start", "--wait", ids[0][:13], ids[1], ids[0])
    assert done.exit_code == 0, done.output
    assert sorted(done.stdout.splitlines()) == sorted(f"{one} start done" for one in ids[:2])
    assert await states(proxy, ids) == ["running", "running", "stopped"]
    # One of several that can't be done does not prevent the others.
    mixed = await shell("servers", "stop", "--wait", *ids)
    assert mixed.exit_code == 1
    assert len(mixed.stdout.splitlines()) == 2
    (refused,) = mixed.stderr.splitlines()
    assert refused.startswith(f"opsroom: {ids[2]}: ")
    assert refused.endswith("(transition_invalid)")
    # A mistake in an id is noticed before anything is sent.
    mistaken = await shell("servers", "start", ids[0], "nothing", "none")
    assert (mistaken.exit_code, mistaken.stdout) == (1, "")
    for unknown in ("nothing", "none"):
        assert f"no server has the name '{unknown}' or an id that starts with it" in mistaken.stderr
    ambiguous = await shell("servers", "start", "")
    assert (ambiguous.exit_code, "servers start with ''" in ambiguous.stderr) == (1, True)
    assert await states(proxy, ids[:1]) == ["stopped"]
    key = await shell("servers", "start", "--key", "k", *ids)
    assert (key.exit_code, "--key is for one server" in key.stderr) == (2, True)


async def test_a_repeated_key_of_a_finished_command_does_not_wait(proxy: Proxy) -> None:
    shell = Shell(proxy.url)
    first, again = [await shell("servers", "create", "--wait", "--key", "nightly") for _ in range(2)]
    assert (again.exit_code, again.stdout) == (0, first.stdout)


async def test_undo_cancels_what_is_pending(slow: Proxy, proxy: Proxy) -> None:
    shell = Shell(slow.url)
    ids = [(await shell("servers", "create")).stdout.split()[0] for _ in range(2)]
    undone = await shell("servers", "undo", *ids)
    assert (undone.exit_code, undone.stderr) == (0, "")
    assert undone.stdout.splitlines() == [f"{one} create cancelled" for one in ids]
    assert await states(slow, ids) == [None, None]
    (idle,) = await instances(proxy, 1)
    nothing = await Shell(proxy.url)("servers", "undo", idle)
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert nothing.stderr == f"opsroom: {idle} has no pending command to undo\n"


async def test_removal_asks_on_a_terminal_and_needs_yes_elsewhere(proxy: Proxy) -> None:
    ids = await instances(proxy, 3)
    code, out, err = await piped(proxy.url, f"opsroom servers rm {ids[0]}", "y\n")
    assert (code, out) == (2, "")
    assert err == "opsroom: `servers rm` needs --yes without a terminal; nothing was removed\n"
    for answer, exit_code in (("n\n", 1), ("\n", 1), (None, 130)):
        async with terminal(proxy.url, "servers", "rm", *ids[:2]) as shown:
            await shown.shows("Remove these 2 servers? [y/N]:")
            assert all(f"{one} server-{one[:8]} stopped" in shown.text for one in ids[:2])
            if answer is None:
                assert await shown.interrupt() == exit_code
            else:
                shown.type(answer)
                assert await shown.exit_code() == exit_code
            await shown.shows("opsroom: nothing was removed")
    assert await states(proxy, ids) == ["stopped"] * 3
    async with terminal(proxy.url, "servers", "rm", "--wait", ids[0]) as shown:
        await shown.shows("Remove this server? [y/N]:")
        shown.type("y\n")
        assert await shown.exit_code() == 0
    assert (await Shell(proxy.url)("servers", "rm", "-y", "--wait", *ids[1:])).exit_code == 0
    assert await states(proxy, ids) == [None] * 3


async def test_waiting_shows_progress_on_a_terminal_only(proxy: Proxy) -> None:
    async with terminal(proxy.url, "servers", "create", "--wait") as shown:
        await shown.shows("due in")
        await shown.shows("create done")
        assert await shown.exit_code() == 0
        assert shown.raw.rstrip().endswith("create done") or "\x1b[2K" in shown.raw
    code, out, err = await piped(proxy.url, "opsroom servers create --wait")
    assert (code, len(out.splitlines()), err) == (0, 1, "")


@pytest.mark.parametrize(
    ("environ", "colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
async def test_colors_are_for_terminals_and_can_be_turned_off(
    proxy: Proxy, environ: dict[str, str], colored: bool
) -> None:
    await instances(proxy, 1)
    async with terminal(proxy.url, "servers", "ls", **environ) as shown:
        assert await shown.exit_code() == 0
        await shown.shows("stopped")
        assert ("\x1b[2m" in shown.raw) is colored
    forced = await piped(proxy.url, "FORCE_COLOR=1 opsroom servers ls")
    assert "\x1b" not in forced[1]


async def test_output_for_programs_is_one_object_a_line(proxy: Proxy) -> None:
    shell = Shell(proxy.url)
    ids = await instances(proxy, 2)
    for arguments in (("--json",), ("-o", "json"), ("--output", "json")):
        lines = (await shell("servers", "ls", *arguments)).stdout.splitlines()
        assert set(ids) <= {json.loads(line)["id"] for line in lines}
    history = (await shell("servers", "history", ids[0][:13], "--json")).stdout.splitlines()
    assert [json.loads(line)["type"] for line in history] == ["received", "created"]
    last = (await shell("servers", "history", ids[0], "-n", "1")).stdout
    assert (last.count("\n"), "created" in last) == (1, True)
    unknown = await shell("servers", "history", "nothing")
    assert (unknown.exit_code, "a removed server is found by its complete id" in unknown.stderr) == (1, True)
    assert (await shell("servers", "ls", "-o", "yaml")).exit_code == 2
