"""The programs in ``deploy/examples/exec``, each through a whole life.

``folders.py`` is complete. The others run against small programs in place of ``systemctl`` and ``incus``,
which behave as those do.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from opsroom_agent.context import ProviderContext
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
)
from opsroom_contracts.agents.records import AgentCapability
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import Condition
from opsroom_runtime.process import run_tasks
from opsroom_testkit.waiting import until_answer

EXAMPLES = Path(__file__).parents[4] / "deploy/examples/exec"
FAKES = Path(__file__).parent / "fakes"
STEPS = (Command.CREATE, Command.START, Command.RESTART, Command.STOP, Command.REMOVE)
RUNNING, STOPPED = InstanceState.RUNNING, InstanceState.STOPPED


@asynccontextmanager
async def example(name: str, tmp_path: Path, portal: str = "p1") -> AsyncIterator[ExecProvider]:
    """The example with its template file; its servers and those of the fakes are in ``tmp_path``."""
    settings = AgentSettings(
        exec_program=EXAMPLES / f"{name}.py",
        exec_environment=("SERVERS", "UNITS", "FAKE"),
        exec_capabilities=tuple(AgentCapability),
        exec_look_seconds=30,
        templates=EXAMPLES / f"{name}.toml",
        state_dir=tmp_path / "state",
        portal=portal,
    )
    environ = {
        "PATH": f"{FAKES}:{os.environ['PATH']}",
        "SERVERS": str(tmp_path / "servers"),
        "UNITS": str(tmp_path),
        "FAKE": str(tmp_path),
    }
    async with exec_provider(ProviderContext(settings, lambda: None), environ) as opened:
        async with run_tasks(run=opened.run()):
            yield opened


def server(template: str | None = None, resource: str | None = None) -> ServerRef:
    return ServerRef(id="web-1", name="web", template=template, resource=resource)


async def do(opened: ExecProvider, command: Command, ref: ServerRef, *, start: bool = False) -> ApplyReply:
    request = ApplyRequest(operation_id=uuid4().hex, command=command, server=ref, start=start)
    return await until_answer(
        lambda: opened.apply(request), lambda reply: reply.status is not ApplyStatus.WORKING
    )


async def observe(opened: ExecProvider, ref: ServerRef) -> Observation | None:
    reply = await opened.observe(ObserveRequest(servers=(ref,)))
    assert len(reply.found) + len(reply.gone) == 1
    return reply.found[0] if reply.found else None


@pytest.mark.parametrize(
    ("name", "template"), [("folders", "empty"), ("systemd", "web"), ("incus", "debian-vm")]
)
async def test_a_life(name: str, template: str, tmp_path: Path) -> None:
    ref = server(template)
    async with example(name, tmp_path) as opened, example(name, tmp_path, "p2") as other:
        for command, expected in zip(STEPS, (STOPPED, RUNNING, RUNNING, STOPPED, None), strict=True):
            for _ in range(2):  # the second operation finds that nothing is to do
                reply = await do(opened, command, ref)
                assert (reply.status, reply.reason) == (ApplyStatus.DONE, None)
                assert (reply.observed and reply.observed.state) == expected
            assert await observe(opened, ref) == reply.observed
            listed = (await opened.list(ProviderListRequest())).servers
            assert [(one.id, one.name, one.template, one.state) for one in listed] == (
                [] if expected is None else [("web-1", "web", template, expected)]
            )
            assert (await other.list(ProviderListRequest())).servers == ()


@pytest.mark.parametrize("name", ["folders", "systemd", "incus"])
async def test_create_and_start_and_what_does_not_exist(name: str, tmp_path: Path) -> None:
    template = {"folders": "empty", "systemd": "web", "incus": "debian"}[name]
    async with example(name, tmp_path) as opened:
        missing = await do(opened, Command.START, server())
        assert missing.status is ApplyStatus.FAILED
        assert (missing.reason or "").startswith("there is no")
        created = await do(opened, Command.CREATE, server(template), start=True)
    assert created.observed is not None
    assert created.observed.state is RUNNING
    assert created.observed.address == ("10.1.2.3" if name == "incus" else None)


async def test_folders_have_logs(tmp_path: Path) -> None:
    async with example("folders", tmp_path) as opened:
        await do(opened, Command.CREATE, server("slow"), start=True)
        await do(opened, Command.STOP, server())
        request = LogsRequest(server=server(), stream="s", tail=10)
        assert [line.text async for part in opened.logs(request) for line in part] == ["running", "stopped"]


@pytest.mark.parametrize(("name", "resource"), [("systemd", "nginx.service"), ("incus", "old-1")])
async def test_adoption(name: str, resource: str, tmp_path: Path) -> None:
    (tmp_path / ("nginx.service" if name == "systemd" else "old-1.json")).write_text(
        "[Unit]\nDescription=A web server\n"
        if name == "systemd"
        else '{"name": "old-1", "config": {}, "status": "Running", "type": "container"}'
    )
    ref = server(resource=resource)
    async with example(name, tmp_path) as opened:
        found = await opened.adoptable()
        assert [one.resource for one in found.resources] == [resource]
        adopted = await do(opened, Command.ADOPT, ref)
        assert adopted.observed is not None
        assert adopted.observed.resource == resource
        await do(opened, Command.START, ref)
        stopped = await do(opened, Command.STOP, ref)
        assert stopped.observed is not None
        assert stopped.observed.state is STOPPED
        assert (await opened.list(ProviderListRequest())).servers == ()


async def test_a_unit_that_has_failed(tmp_path: Path) -> None:
    async with example("systemd", tmp_path) as opened:
        await do(opened, Command.CREATE, server("web"), start=True)
        (tmp_path / "opsroom-p1-web-1.service.state").write_text("failed")
        seen = await observe(opened, server())
        lines = [
            line.text
            async for part in opened.logs(LogsRequest(server=server(), stream="s", tail=5))
            for line in part
        ]
    assert seen is not None
    assert (seen.state, seen.condition, seen.reason) == (
        STOPPED,
        Condition.FAILED,
        "the unit has failed: exit-code",
    )
    assert lines == ["log of opsroom-p1-web-1.service"]
