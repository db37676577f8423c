"""The command line, interactively and in pipes."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from click.testing import CliRunner

from opsroom_client import Opsroom
from opsroom_client.cli.main import cli
from opsroom_client.cli.output import age
from opsroom_contracts.identity import Role
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_runtime.process import run_tasks
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.ports import free_port
from opsroom_testkit.waiting import until, until_answer
from packages.client.tests.shell import TIMEOUT_SECONDS, Shell, piped
from packages.client.tests.tcp_proxy import Proxy, proxy_to
from services.gateway.tests.kit.portal import Portal, services
from services.gateway.tests.kit.token_mode import Tokens, token_mode_gateway

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_servers_are_created_listed_and_commanded(proxy: Proxy) -> None:
    shell = Shell(proxy.url)
    created = await shell("servers", "create", "--wait", "--json")
    assert created.exit_code == 0, created.output
    operation = json.loads(created.output)
    instance = operation["instanceId"]
    assert operation["status"] == "done"

    listed = (await shell("servers", "ls")).output
    assert listed.splitlines()[0].split()[:5] == ["NAME", "ID", "STATE", "FOR", "PENDING"]
    (row,) = [line for line in listed.splitlines() if instance[:8] in line.split()]
    assert row.split()[2] == "stopped"
    assert row == row.rstrip()
    lines = (await shell("servers", "ls", "--json")).output.splitlines()
    assert instance in [json.loads(line)["id"] for line in lines]

    started = await shell("servers", "start", instance[:12])
    assert f"{instance} start pending, due 20" in started.output
    twice = await shell("servers", "stop", instance)
    assert (twice.exit_code, twice.stdout) == (1, "")
    assert "(operation_pending)" in twice.stderr


async def test_usage_errors_are_one_line_and_an_exit_code(proxy: Proxy) -> None:
    shell = Shell(proxy.url)
    unknown = await shell("servers", "rm", "--yes", "nothing")
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert unknown.stderr == (
        "opsroom: no server has the name 'nothing' or an id that starts with it (see `opsroom servers ls`)\n"
    )
    assert (await shell("servers", "dance")).exit_code == 2
    assert (await shell("--url", "ftp://x", "servers", "ls")).exit_code == 2
    assert (await shell("--token-file", "/nowhere", "servers", "ls")).exit_code == 2


async def test_invalid_requests_are_one_line(proxy: Proxy) -> None:
    name = f"p-{uuid4().hex[:20]}"
    code, out, err = await piped(proxy.url, f"opsroom chat --name {name}", "x" * 4001)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "at most 4000 characters" in err
    for arguments in (
        ("chat", "--name", "x" * 300),
        ("moderate", "mute", name, "--reason", "x" * 201),
        ("moderate", "ban", name, "--reason", "x" * 201),
    ):
        rejected = await Shell(proxy.url)(*arguments)
        assert (rejected.exit_code, rejected.stdout) == (1, ""), rejected.output
        assert "(invalid_request)" in rejected.stderr


async def test_global_options_work_before_and_after_the_command(proxy: Proxy) -> None:
    nowhere = Shell(f"http://127.0.0.1:{free_port()}")
    assert (await nowhere("--url", proxy.url, "servers", "ls")).exit_code == 0
    assert (await nowhere("servers", "--url", proxy.url, "ls")).exit_code == 0
    unreadable = await nowhere("chat", "--url", proxy.url, "--token-file", "/nowhere")
    assert unreadable.exit_code == 2


async def test_an_unreachable_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsroom_client.cli.running.TIMEOUT_SECONDS", 0.2)
    url = f"http://127.0.0.1:{free_port()}"
    for command in (("ls",), ("create", "--wait"), ("watch",), ("watch", "--since", "0")):
        result = await Shell(url)("servers", *command)
        assert (result.exit_code, result.stdout) == (3, "")
        assert url in result.stderr
        assert result.stderr.count("\n") == 1


@asynccontextmanager
async def started(url: str, *arguments: str) -> AsyncIterator[tuple[Process, asyncio.StreamReader]]:
    """A running command and its stderr; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "opsroom_client", "--url", url, *arguments), stdout=PIPE, stderr=PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            yield process, process.stderr
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_a_disconnect_is_printed_and_the_watch_resumes(proxy: Proxy) -> None:
    async with Opsroom(proxy.url) as opsroom, proxy_to(proxy.target) as own_proxy:
        since = str((await opsroom.cloud.instances()).seq)
        async with started(own_proxy.url, *f"servers watch --json --since {since}".split()) as (
            watching,
            stderr,
        ):
            assert watching.stdout is not None
            first = await opsroom.cloud.create()
            while json.loads(await watching.stdout.readline())["operationId"] != first.id:
                pass
            own_proxy.closed = True
            own_proxy.cut()
            lost = (await stderr.readline()).decode()
            assert lost.startswith(
                f"opsroom: connection lost, reconnecting ({own_proxy.url} can't be reached: "
            )
            tried = own_proxy.connections
            await until(lambda: own_proxy.connections > tried + 1)
            meanwhile = await opsroom.cloud.create()
            own_proxy.closed = False
            assert (await stderr.readline()).decode() == "opsroom: reconnected\n"
            while json.loads(await watching.stdout.readline())["operationId"] != meanwhile.id:
                pass


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Proxy, Tokens]]:
    """A proxy to a portal with access tokens, in which a command takes longer than any test."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    tokens = Tokens(tmp_path_factory.mktemp("tokens") / "tokens")
    async with (
        services(process.url, delay=600),
        token_mode_gateway(Portal(process.url), tokens) as gateway,
        proxy_to(gateway.port) as running_proxy,
    ):
        yield running_proxy, tokens
    await process.stop()


async def test_waiting_ends_with_an_error_if_the_server_does_not_come_back(
    strict: tuple[Proxy, Tokens], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsroom_client.cli.servers.operations.WAIT_TIMEOUT_SECONDS", 0.5)
    proxy, tokens = strict
    shell = Shell(proxy.url, tokens.by_role[Role.OPERATOR])
    async with asyncio.timeout(TIMEOUT_SECONDS):
        waiting = asyncio.create_task(shell("servers", "create", "--wait"))
        await until(lambda: any(b"/cloud/events" in request for request in proxy.answered))
        proxy.close()
        result = await waiting
    proxy.closed = False
    assert (result.exit_code, result.stdout) == (3, "")
    lost, reason = result.stderr.splitlines()
    assert "connection lost, reconnecting" in lost
    assert re.search(r"can't be reached: .*; create of [0-9a-f-]{36} was accepted and continues", reason)


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), timedelta(minutes=-5)])
async def test_a_countdown_is_that_of_the_server_whatever_the_clock_here(
    strict: tuple[Proxy, Tokens], monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    class WrongClock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "WrongClock":
            return super().now(tz) + ahead

    monkeypatch.setattr("opsroom_client.cli.servers.table.datetime", WrongClock)
    proxy, tokens = strict
    shell = Shell(proxy.url, tokens.by_role[Role.OPERATOR])
    created = (await shell("servers", "create")).stdout.split()[0]
    listed = (await shell("servers", "ls")).stdout
    (line,) = [line for line in listed.splitlines() if created[:8] in line]
    seconds = re.search(r"create in (\d+)s", line)
    assert seconds is not None
    assert 540 <= int(seconds[1]) <= 600


@asynccontextmanager
async def busy(opsroom: Opsroom) -> AsyncIterator[None]:
    """Create servers continually: a command notices a closed pipe only when it prints the next line."""

    async def create() -> None:
        while True:
            await opsroom.cloud.create()
            await asyncio.sleep(0.2)

    async with run_tasks(creating=create()):
        yield


async def test_in_pipes(proxy: Proxy) -> None:
    async with Opsroom(proxy.url) as opsroom:
        name, marker = f"p-{uuid4().hex[:20]}", uuid4().hex
        async with busy(opsroom):
            sent, watched = await asyncio.gather(
                piped(proxy.url, f"opsroom chat --name {name}", f"{marker} one\n\n{marker} \x1b[31mtwo\n"),
                piped(proxy.url, "opsroom servers watch --since 0 | head -n 1"),
            )
        assert sent == (0, "", "")
        found = [m for m in await opsroom.history() if m.text.startswith(marker)]
        assert [m.text for m in found] == [f"{marker} one", f"{marker} \x1b[31mtwo"]
        assert {m.user.name for m in found} == {name}
        assert " received " in watched[1]
        assert watched[1].count("\n") == 1
        assert name not in [user.name for user in await opsroom.users()]


async def test_a_refused_line_does_not_stop_the_others(proxy: Proxy) -> None:
    marker = uuid4().hex
    lines = f"{marker} one\n{'x' * 4001}\n{marker} two\n"
    code, _, err = await piped(proxy.url, f"opsroom chat --name p-{uuid4().hex[:20]}", lines)
    assert code == 1
    assert err.startswith("not sent: xxx")
    assert err.count("\n") == 1
    async with Opsroom(proxy.url) as opsroom:
        texts = [message.text for message in await opsroom.history()]
    assert [text for text in texts if text.startswith(marker)] == [f"{marker} one", f"{marker} two"]


async def test_ids_are_completed(proxy: Proxy) -> None:
    async with Opsroom(proxy.url) as opsroom:
        instance = (await opsroom.cloud.create()).instance_id
    await until_completed(instance, f"opsroom servers start {instance[:8]}", OPSROOM_URL=proxy.url)
    script = await Shell(proxy.url)("completion", "bash")
    assert "_OPSROOM_COMPLETE=bash_complete" in script.output


async def complete(line: str, **environ: str) -> list[str]:
    """The completions of the last word of ``line``."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    runner = CliRunner(env={"_OPSROOM_COMPLETE": "bash_complete", **words, **environ})
    answer = await asyncio.to_thread(
        runner.invoke, cli, [], prog_name="opsroom", complete_var="_OPSROOM_COMPLETE"
    )
    return [word.removeprefix("plain,") for word in answer.output.split()]


async def until_completed(instance: str, line: str, **environ: str) -> None:
    """Retry until ``line`` is completed to ``instance``: a completion that times out finds none."""
    await until_answer(lambda: complete(line, **environ), lambda words: words == [instance])


async def test_ids_are_completed_with_the_given_token(strict: tuple[Proxy, Tokens], tmp_path: Path) -> None:
    proxy, tokens = strict
    token = tokens.by_role[Role.OPERATOR]
    async with Opsroom(proxy.url, token=token) as opsroom:
        instance = (await opsroom.cloud.create()).instance_id
    (tmp_path / "token").write_text(token)
    home = {"OPSROOM_URL": proxy.url, "HOME": str(tmp_path)}
    assert await complete(f"opsroom servers start {instance}", **home) == []
    for line, environ in (
        ("opsroom servers start", {"OPSROOM_TOKEN": token}),
        ("opsroom --token-file ~/token servers start", {}),
        ("opsroom servers --token-file ~/token start", {"OPSROOM_TOKEN": "another"}),
    ):
        await until_completed(instance, f"{line} {instance}", **home, **environ)
    assert await complete(f"opsroom --token-file ~/none servers start {instance}", **home) == []


async def test_ages_are_in_the_largest_unit() -> None:
    now = to_milliseconds(datetime(2026, 1, 2, tzinfo=UTC))
    seconds = (0, 59, 61, 3700, 90_000, -5)
    assert [age(now - timedelta(seconds=s), now) for s in seconds] == ["0s", "59s", "1m", "1h", "1d", "0s"]
