"""The command line, run as it is by people and by pipes."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from opsroom_client import Opsroom
from opsroom_client.cli.main import cli
from opsroom_client.cli.output import age
from opsroom_contracts.identity import Role
from opsroom_contracts.model import to_milliseconds
from opsroom_messaging.runtime.process import running
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.ports import free_port
from opsroom_testkit.waiting import until, until_answer
from packages.client.tests.wire import Wire, wire_to
from services.gateway.tests.kit.portal import Portal, services
from services.gateway.tests.kit.token_mode import Tokens, token_mode_gateway

pytestmark = pytest.mark.asyncio(loop_scope="package")

BRIEF = 40


@dataclass
class Shell:
    """Runs commands in this process, in a thread, as they have event loops of their own."""

    url: str
    token: str | None = None

    async def __call__(self, *arguments: str) -> Result:
        runner = CliRunner(env={"OPSROOM_URL": self.url, "OPSROOM_TOKEN": self.token})
        return await asyncio.to_thread(runner.invoke, cli, arguments, prog_name="opsroom")


async def piped(url: str, line: str, given: str = "") -> tuple[int | None, str, str]:
    """A line of the shell in which ``opsroom`` is our command; exit code, output and complaints."""
    command = line.replace("opsroom", f"{sys.executable} -m opsroom_client --url {url}")
    shell = await asyncio.create_subprocess_shell(command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(BRIEF):
        out, err = await shell.communicate(given.encode())
    return shell.returncode, out.decode(), err.decode()


async def test_servers_are_created_listed_and_commanded(wire: Wire) -> None:
    shell = Shell(wire.url)
    created = await shell("servers", "create", "--wait", "--json")
    assert created.exit_code == 0, created.output
    operation = json.loads(created.output)
    instance = operation["instanceId"]
    assert operation["status"] == "done"

    listed = (await shell("servers", "ls")).output
    assert listed.splitlines()[0].split() == ["ID", "STATE", "FOR", "PENDING"]
    (row,) = [line for line in listed.splitlines() if instance in line]
    assert row.split()[1] == "stopped"
    assert row == row.rstrip()
    everything = json.loads((await shell("servers", "ls", "--json")).output)
    assert instance in [one["id"] for one in everything["instances"]]

    started = await shell("servers", "start", instance[:12])
    assert f"{instance} start pending, due 20" in started.output
    twice = await shell("servers", "stop", instance)
    assert (twice.exit_code, twice.stdout) == (1, "")
    assert "(operation_pending)" in twice.stderr


async def test_mistakes_are_one_line_and_an_exit_code(wire: Wire) -> None:
    shell = Shell(wire.url)
    unknown = await shell("servers", "rm", "nothing")
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert unknown.stderr == "opsroom: no server begins with 'nothing' (opsroom servers ls shows them)\n"
    assert (await shell("servers", "dance")).exit_code == 2
    assert (await shell("--url", "ftp://x", "servers", "ls")).exit_code == 2
    assert (await shell("--token-file", "/nowhere", "servers", "ls")).exit_code == 2


async def test_what_no_server_would_take_is_one_line_too(wire: Wire) -> None:
    name = f"p-{uuid4().hex[:20]}"
    code, out, err = await piped(wire.url, f"opsroom chat --name {name}", "x" * 4001)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "at most 4000 characters" in err
    for wrong in (
        ("chat", "--name", "x" * 300),
        ("moderate", "mute", name, "--reason", "x" * 201),
        ("moderate", "ban", name, "--reason", "x" * 201),
    ):
        refused = await Shell(wire.url)(*wrong)
        assert (refused.exit_code, refused.stdout) == (1, ""), refused.output
        assert "(invalid_request)" in refused.stderr


async def test_the_server_is_named_before_the_command_or_behind_it(wire: Wire) -> None:
    nowhere = Shell(f"http://127.0.0.1:{free_port()}")
    assert (await nowhere("--url", wire.url, "servers", "ls")).exit_code == 0
    assert (await nowhere("servers", "--url", wire.url, "ls")).exit_code == 0
    unread = await nowhere("chat", "--url", wire.url, "--token-file", "/nowhere")
    assert unread.exit_code == 2


async def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsroom_client.cli.running.PATIENCE_SECONDS", 0.2)
    url = f"http://127.0.0.1:{free_port()}"
    for command in (("ls",), ("create", "--wait"), ("watch",), ("watch", "--since", "0")):
        gone = await Shell(url)("servers", *command)
        assert (gone.exit_code, gone.stdout) == (3, "")
        assert url in gone.stderr
        assert gone.stderr.count("\n") == 1


@asynccontextmanager
async def started(url: str, *arguments: str) -> AsyncIterator[tuple[Process, asyncio.StreamReader]]:
    """A command at work and its complaints; killed in the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "opsroom_client", "--url", url, *arguments), stdout=PIPE, stderr=PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(BRIEF):
            yield process, process.stderr
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_a_break_is_told_and_gone_on_from(wire: Wire) -> None:
    async with Opsroom(wire.url) as opsroom, wire_to(wire.target) as own:
        since = str((await opsroom.cloud.instances()).seq)
        async with started(own.url, *f"servers watch --json --since {since}".split()) as (
            watching,
            complaints,
        ):
            assert watching.stdout is not None
            first = await opsroom.cloud.create()
            while json.loads(await watching.stdout.readline())["operationId"] != first.id:
                pass
            own.closed = True
            own.cut()
            lost = (await complaints.readline()).decode()
            assert lost.startswith(f"opsroom: connection lost, trying again ({own.url} can't be reached: ")
            tried = own.connections
            await until(lambda: own.connections > tried + 1)
            meanwhile = await opsroom.cloud.create()
            own.closed = False
            assert (await complaints.readline()).decode() == "opsroom: connected again\n"
            while json.loads(await watching.stdout.readline())["operationId"] != meanwhile.id:
                pass


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Wire, Tokens]]:
    """The way to a portal that asks for tokens, and that takes longer for a command than any test."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    tokens = Tokens(tmp_path_factory.mktemp("tokens") / "tokens")
    async with (
        services(process.url, delay=600),
        token_mode_gateway(Portal(process.url), tokens) as gateway,
        wire_to(gateway.port) as whole,
    ):
        yield whole, tokens
    await process.stop()


async def test_who_waits_is_told_of_a_break_that_has_no_end(
    strict: tuple[Wire, Tokens], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsroom_client.cli.servers.WAIT_PATIENCE_SECONDS", 0.5)
    wire, tokens = strict
    shell = Shell(wire.url, tokens.by_role[Role.OPERATOR])
    async with asyncio.timeout(BRIEF):
        waiting = asyncio.create_task(shell("servers", "create", "--wait"))
        await until(lambda: any(b"/cloud/events" in asked for asked in wire.answered))
        wire.close()
        gone = await waiting
    wire.closed = False
    assert (gone.exit_code, gone.stdout) == (3, "")
    lost, reason = gone.stderr.splitlines()
    assert "connection lost, trying again" in lost
    assert re.search(r"can't be reached: .*; create of [0-9a-f-]{36} was accepted and goes on", reason)


@asynccontextmanager
async def busy(opsroom: Opsroom) -> AsyncIterator[None]:
    """Something happens all the time: a command notices at its next line that nobody reads it any more."""

    async def create() -> None:
        while True:
            await opsroom.cloud.create()
            await asyncio.sleep(0.2)

    async with running(creating=create()):
        yield


async def test_in_pipes(wire: Wire) -> None:
    async with Opsroom(wire.url) as opsroom:
        name, marker = f"p-{uuid4().hex[:20]}", uuid4().hex
        async with busy(opsroom):
            said, watched = await asyncio.gather(
                piped(wire.url, f"opsroom chat --name {name}", f"{marker} one\n\n{marker} \x1b[31mtwo\n"),
                piped(wire.url, "opsroom servers watch --since 0 | head -n 1"),
            )
        assert said == (0, "", "")
        found = [m for m in await opsroom.history() if m.text.startswith(marker)]
        assert [m.text for m in found] == [f"{marker} one", f"{marker} \x1b[31mtwo"]
        assert {m.user.name for m in found} == {name}
        assert " received " in watched[1]
        assert watched[1].count("\n") == 1
        assert name not in [user.name for user in await opsroom.users()]


async def test_ids_are_completed(wire: Wire) -> None:
    async with Opsroom(wire.url) as opsroom:
        instance = (await opsroom.cloud.create()).instance_id
    await until_completed(instance, f"opsroom servers start {instance[:8]}", OPSROOM_URL=wire.url)
    taught = await Shell(wire.url)("completion", "bash")
    assert "_OPSROOM_COMPLETE=bash_complete" in taught.output


async def completed(line: str, **environ: str) -> list[str]:
    """What the last word of ``line`` can become."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    runner = CliRunner(env={"_OPSROOM_COMPLETE": "bash_complete", **words, **environ})
    answer = await asyncio.to_thread(
        runner.invoke, cli, [], prog_name="opsroom", complete_var="_OPSROOM_COMPLETE"
    )
    return [word.removeprefix("plain,") for word in answer.output.split()]


async def until_completed(instance: str, line: str, **environ: str) -> None:
    """Try again until ``line`` is completed to ``instance``: a shell that waits too long is told of none."""
    await until_answer(lambda: completed(line, **environ), lambda words: words == [instance])


async def test_ids_are_completed_in_the_name_of_whoever_asks(
    strict: tuple[Wire, Tokens], tmp_path: Path
) -> None:
    wire, tokens = strict
    token = tokens.by_role[Role.OPERATOR]
    async with Opsroom(wire.url, token=token) as opsroom:
        instance = (await opsroom.cloud.create()).instance_id
    (tmp_path / "token").write_text(token)
    home = {"OPSROOM_URL": wire.url, "HOME": str(tmp_path)}
    assert await completed(f"opsroom servers start {instance}", **home) == []
    for line, environ in (
        ("opsroom servers start", {"OPSROOM_TOKEN": token}),
        ("opsroom --token-file ~/token servers start", {}),
        ("opsroom servers --token-file ~/token start", {"OPSROOM_TOKEN": "another"}),
    ):
        await until_completed(instance, f"{line} {instance}", **home, **environ)
    assert await completed(f"opsroom --token-file ~/none servers start {instance}", **home) == []


async def test_ages_are_told_in_the_largest_unit() -> None:
    now = to_milliseconds(datetime(2026, 1, 2, tzinfo=UTC))
    seconds = (0, 59, 61, 3700, 90_000, -5)
    assert [age(now - timedelta(seconds=s), now) for s in seconds] == ["0s", "59s", "1m", "1h", "1d", "0s"]
