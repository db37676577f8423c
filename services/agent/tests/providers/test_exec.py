"""The provider that runs a program: outcomes, limits, and what a killed agent leaves behind."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from opsroom_agent.context import ProviderContext
from opsroom_agent.program import Program, ProgramMissingError, RunError
from opsroom_agent.providers.exec.opening import exec_provider
from opsroom_agent.providers.exec.provider import ExecProvider
from opsroom_agent.settings import AgentSettings
from opsroom_contracts.agents.protocol import (
    ApplyReply,
    ApplyRequest,
    ApplyStatus,
    LogsRequest,
    Observation,
    ObserveRequest,
    ProviderListRequest,
    ServerRef,
    StatsRequest,
)
from opsroom_contracts.agents.records import AgentCapability
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import Condition, FailureCode
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_runtime.errors import SettingsError
from opsroom_runtime.process import cancel_and_wait, run_tasks
from opsroom_testkit.waiting import until, until_answer

ALL = tuple(AgentCapability)
RUNNING = 'echo \'{"state":"running"}\''
STOPPED = 'echo \'{"state":"stopped"}\''
COUNT = 'echo "$1" >> runs\n'


def program(folder: Path, text: str) -> Path:
    """A shell script that notes its runs."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{COUNT}{text}\n")
    path.chmod(0o755)
    return path


def runs(folder: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return (folder / "runs").read_text().split()
    return []


def server(instance: str = "web-1", *, resource: str | None = None, template: str | None = None) -> ServerRef:
    return ServerRef(id=instance, name=instance, resource=resource, template=template)


def order(command: Command, *, ref: ServerRef | None = None, start: bool = False) -> ApplyRequest:
    return ApplyRequest(operation_id=uuid4().hex, command=command, server=ref or server(), start=start)


@asynccontextmanager
async def provider(path: Path, **settings: object) -> AsyncIterator[ExecProvider]:
    values = {"exec_program": path, "state_dir": path.parent / "state", "exec_capabilities": ALL, **settings}
    context = ProviderContext(AgentSettings.model_validate(values), lambda: None)
    async with exec_provider(context) as opened, run_tasks(run=opened.run()):
        await asyncio.sleep(0)  # the operations have begun to run
        yield opened


async def finish(opened: ExecProvider, request: ApplyRequest) -> ApplyReply:
    return await until_answer(
        lambda: opened.apply(request), lambda reply: reply.status is not ApplyStatus.WORKING
    )


async def observe(opened: ExecProvider) -> tuple[tuple[Observation, ...], tuple[str, ...]]:
    reply = await opened.observe(ObserveRequest(servers=(server(),)))
    return reply.found, reply.gone


async def test_the_last_line_is_the_state_and_lines_before_are_progress(tmp_path: Path) -> None:
    path = program(
        tmp_path,
        'echo hello; echo \'{"text":"half","percent":50}\'; while [ ! -e go ]; do sleep 0.02; done\n'
        'echo \'{"state":"running","address":"10.0.0.1"}\'',
    )
    async with provider(path) as opened:
        request = order(Command.START, ref=server(resource="r1"))
        working = await until_answer(
            lambda: opened.apply(request), lambda reply: reply.progress and reply.progress.percent
        )
        assert working.status is ApplyStatus.WORKING
        assert working.progress is not None
        assert (working.progress.text, working.progress.percent) == ("half", 50)
        (tmp_path / "go").touch()
        reply = await finish(opened, request)
    assert reply.observed == Observation(
        id="web-1", state=InstanceState.RUNNING, address="10.0.0.1", resource="r1"
    )


async def test_what_a_program_is_given(tmp_path: Path) -> None:
    templates = tmp_path / "templates.toml"
    templates.write_text('[templates.web]\ndescription = "A page"\nsettings = { port = 80, names = ["a"] }\n')
    path = program(tmp_path, 'cat > input; env > environment; echo "{\\"state\\":\\"running\\"}"')
    request = order(Command.CREATE, ref=server(template="web"), start=True)
    variables = {"NATS_PASSWORD_FILE": "secret", "MY_TOKEN": "mine"}
    values = {"exec_program": path, "templates": templates, "exec_environment": ("MY_TOKEN",), "portal": "p1"}
    context = ProviderContext(AgentSettings.model_validate(values), lambda: None)
    async with exec_provider(context, {**os.environ, **variables}) as opened, run_tasks(run=opened.run()):
        await asyncio.sleep(0)
        assert [view.description for view in opened.templates] == ["A page"]
        await finish(opened, request)
    assert json.loads((tmp_path / "input").read_text()) == {
        "portal": "p1",
        "server": {"id": "web-1", "name": "web-1", "labels": {}, "template": "web"},
        "operationId": request.operation_id,
        "command": "create",
        "start": True,
        "again": False,
        "settings": {"port": 80, "names": ["a"]},
    }
    seen = dict(line.split("=", 1) for line in (tmp_path / "environment").read_text().splitlines())
    assert seen["MY_TOKEN"] == "mine"
    assert set(seen) <= {"PATH", "HOME", "LANG", "TZ", "MY_TOKEN", "PWD", "OLDPWD", "SHLVL", "_"}


@pytest.mark.parametrize(
    ("text", "reason", "code"),
    [
        ("echo one >&2; echo 'no such disk' >&2; exit 1", "no such disk", FailureCode.PROVIDER_ERROR),
        ("exit 3", "the program has exited with 3", FailureCode.PROVIDER_ERROR),
        (
            'echo \'{"reason":"all is used","code":"no_capacity"}\'; exit 1',
            "all is used",
            FailureCode.NO_CAPACITY,
        ),
    ],
)
async def test_a_failure_and_its_reason(tmp_path: Path, text: str, reason: str, code: FailureCode) -> None:
    path = program(tmp_path, f'[ $1 = observe ] && echo \'{{"state":"stopped"}}\' && exit; {text}')
    async with provider(path) as opened:
        reply = await finish(opened, order(Command.START))
    assert (reply.status, reply.reason, reply.code) == (ApplyStatus.FAILED, reason, code)
    assert reply.observed is not None
    assert runs(tmp_path) == ["apply", "observe"]


async def test_an_outcome_is_remembered(tmp_path: Path) -> None:
    path = program(tmp_path, 'echo \'{"state":"running"}\'')
    request = order(Command.RESTART)
    for _ in range(2):
        async with provider(path) as opened:
            assert (await finish(opened, request)).status is ApplyStatus.DONE
    assert runs(tmp_path) == ["apply"]


@pytest.mark.parametrize(
    "unlucky",
    ["echo later >&2; exit 75", "kill -9 $$", "sleep 60", "yes | head -c 9000000; sleep 60"],
    ids=["asks to be run again", "killed", "too slow", "prints too much"],
)
async def test_after_an_unknown_outcome_it_looks_before_it_tries_again(tmp_path: Path, unlucky: str) -> None:
    path = program(
        tmp_path,
        'if [ $1 = observe ]; then if [ -e seen ]; then echo \'{"state":"running"}\';'
        ' else touch seen; echo \'{"state":"stopped"}\'; fi; exit; fi\n' + unlucky,
    )
    async with provider(path, exec_apply_seconds=1) as opened:
        reply = await finish(opened, order(Command.START))
    assert reply.status is ApplyStatus.DONE
    assert runs(tmp_path) == ["apply", "observe", "apply", "observe"]


async def test_a_state_that_is_none_is_looked_up(tmp_path: Path) -> None:
    path = program(
        tmp_path, '[ $1 = observe ] && echo \'{"state":"running"}\' || echo \'{"stat":"running"}\''
    )
    async with provider(path) as opened:
        reply = await finish(opened, order(Command.START))
    assert (reply.status, reply.observed and reply.observed.state) == (
        ApplyStatus.DONE,
        InstanceState.RUNNING,
    )


async def test_the_whole_process_group_is_killed(tmp_path: Path) -> None:
    path = program(tmp_path, "trap '' TERM; sleep 61 & echo $! > child; wait; wait")
    with pytest.raises(RunError, match="not ended within"):
        await Program(path, {"PATH": os.environ["PATH"]}).run("apply", b"", timeout=0.5)
    await until(lambda: is_gone(int((tmp_path / "child").read_text())))


def is_gone(pid: int) -> bool:
    """Whether a process has ended; what nobody waits for stays as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_no_more_runs_at_once_than_allowed(tmp_path: Path) -> None:
    path = program(
        tmp_path,
        "echo $$ >> all; mkdir running || touch several\nsleep 0.05; rmdir running\n"
        'echo \'{"state":"running"}\'',
    )
    async with provider(path, exec_concurrency=1) as opened:
        refs = [server(f"web-{number}") for number in range(6)]
        await asyncio.gather(*(finish(opened, order(Command.START, ref=ref)) for ref in refs))
    assert len((tmp_path / "all").read_text().split()) == 6
    assert not (tmp_path / "several").exists()


async def test_servers_that_exist_are_gone_or_cannot_be_observed(tmp_path: Path) -> None:
    path = program(
        tmp_path,
        "read request; case $request in\n"
        '*web-1*) echo \'{"state":"stopped","condition":"failed","reason":"exit 1"}\';;\n'
        '*web-2*) echo \'{"state":"gone"}\';;\n*web-3*) exit 1;;\n*web-4*) sleep 60;;\nesac',
    )
    async with provider(path, exec_look_seconds=0.5) as opened:
        refs = tuple(server(f"web-{number}") for number in range(1, 5))
        reply = await opened.observe(ObserveRequest(servers=refs))
    assert reply.gone == ("web-2",)
    assert [(one.id, one.condition, one.reason) for one in reply.found] == [
        ("web-1", Condition.FAILED, "exit 1")
    ]


async def test_pages_are_from_one_run(tmp_path: Path) -> None:
    servers = [{"id": f"web-{number}", "state": "running", "name": "a"} for number in range(5)]
    path = program(tmp_path, f"echo '{json.dumps({'servers': servers[::-1]})}'")
    async with provider(path) as opened:
        pages, after = [], None
        for _ in range(3):
            reply = await opened.list(ProviderListRequest(after=after, limit=2))
            pages.append([one.id for one in reply.servers])
            after = reply.next
        await opened.list(ProviderListRequest())
    assert pages == [["web-0", "web-1"], ["web-2", "web-3"], ["web-4"]]
    assert runs(tmp_path) == ["list", "list"]


@pytest.mark.parametrize("text", ["exit 1", "echo '{}'", "sleep 60"])
async def test_a_list_that_fails_is_no_empty_list(tmp_path: Path, text: str) -> None:
    async with provider(program(tmp_path, text), exec_look_seconds=0.5) as opened:
        for call in (lambda: opened.list(ProviderListRequest()), opened.adoptable):
            assert await refused(call) is ErrorCode.UNAVAILABLE


async def refused(call: Callable[[], Awaitable[object]]) -> ErrorCode:
    with pytest.raises(FaultError) as error:
        await call()
    return error.value.fault.code


async def test_a_run_that_is_cancelled_while_it_starts_leaves_no_process(tmp_path: Path) -> None:
    started = Program(program(tmp_path, "exec sleep 60"), os.environ)
    before = set(psutil.Process().children())
    for steps in range(12):
        run = asyncio.create_task(started.run("list", b"", timeout=60))
        for _ in range(steps):
            await asyncio.sleep(0)
        await cancel_and_wait([run])
        assert set(psutil.Process().children()) == before, steps


async def test_logs_wait_for_their_reader_and_end_with_it(tmp_path: Path) -> None:
    path = program(tmp_path, "echo $$ > pid; n=0; while :; do n=$((n+1)); echo line $n; done")
    async with provider(path) as opened:
        lines = opened.logs(LogsRequest(server=server(), stream="s", follow=True))
        expected = 1
        async for batch in lines:
            for line in batch:
                assert line.text == f"line {expected}"
                expected += 1
            if expected > 10_000:
                break
        await lines.aclose()
        await until(lambda: is_gone(int((tmp_path / "pid").read_text())))


async def test_samples_get_the_time(tmp_path: Path) -> None:
    path = program(tmp_path, 'echo \'{"cpu":0.5,"memory":100}\'; echo \'{"cpu":1,"memory":200}\'')
    async with provider(path) as opened:
        request = StatsRequest(server=server(), stream="s")
        samples = [one async for part in opened.stats(request) for one in part]
    assert [(one.cpu, one.memory) for one in samples] == [(0.5, 100), (1.0, 200)]


async def test_what_the_settings_do_not_name_is_unsupported(tmp_path: Path) -> None:
    async with provider(program(tmp_path, ""), exec_capabilities=()) as opened:
        assert await refused(opened.adoptable) is ErrorCode.UNSUPPORTED
        logs = opened.logs(LogsRequest(server=server(), stream="s"))
        assert await refused(lambda: anext(logs)) is ErrorCode.UNSUPPORTED
    assert runs(tmp_path) == []


@pytest.mark.parametrize("path", [None, "missing"])
async def test_without_a_program_it_does_not_start(tmp_path: Path, path: str | None) -> None:
    settings = AgentSettings(exec_program=None if path is None else tmp_path / path)
    with pytest.raises(SettingsError, match="AGENT_EXEC_PROGRAM"):
        async with exec_provider(ProviderContext(settings, lambda: None)):
            pass


async def test_a_program_that_has_been_deleted_fails(tmp_path: Path) -> None:
    path = program(tmp_path, "")
    async with provider(path) as opened:
        path.unlink()
        assert (await finish(opened, order(Command.START))).status is ApplyStatus.FAILED
    with pytest.raises(ProgramMissingError):
        await Program(path, {}).run("list", b"", timeout=1)


async def test_a_run_that_a_killed_agent_has_left_is_waited_for(tmp_path: Path) -> None:
    """The first agent is killed while its program works; the second one must not run it at the same time."""
    path = program(
        tmp_path,
        f"if [ $1 = observe ]; then if [ -e done ]; then {RUNNING}; else {STOPPED}; fi; exit; fi\n"
        f"while [ ! -e go ]; do sleep 0.02; done; touch done; {RUNNING}",
    )
    request = order(Command.START)
    victim = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", VICTIM, path, request.model_dump_json(by_alias=True, exclude_none=True)),
    )
    await until(lambda: runs(tmp_path) == ["apply"] and list((tmp_path / "state").rglob("*.json")))
    await until(lambda: '"process"' in next((tmp_path / "state").rglob("*.json")).read_text())
    victim.send_signal(signal.SIGKILL)
    await victim.wait()
    async with provider(path) as opened:
        assert (await opened.apply(request)).status is ApplyStatus.WORKING
        assert runs(tmp_path) == ["apply"]
        (tmp_path / "go").touch()
        assert (await finish(opened, request)).status is ApplyStatus.DONE
    assert runs(tmp_path) == ["apply", "observe"]


VICTIM = """
import asyncio, sys
from pathlib import Path
from opsroom_agent.context import ProviderContext
from opsroom_agent.providers.exec.opening import exec_provider
from opsroom_agent.settings import AgentSettings
from opsroom_contracts.agents.protocol import ApplyRequest

async def main():
    path = Path(sys.argv[1])
    settings = AgentSettings(exec_program=path, state_dir=path.parent / "state")
    async with exec_provider(ProviderContext(settings, lambda: None)) as opened:
        running = asyncio.create_task(opened.run())
        await asyncio.sleep(0)
        while True:
            await opened.apply(ApplyRequest.model_validate_json(sys.argv[2]))

asyncio.run(main())
"""
