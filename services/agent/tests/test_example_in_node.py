"""The provider in JavaScript of ``deploy/examples/node``: other languages can use the protocol of agents."""

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from opsroom_contracts.agents.endpoints import agent_endpoints
from opsroom_contracts.agents.protocol import (
    ApplyReply,
    ApplyRequest,
    ApplyStatus,
    ObserveRequest,
    ProviderListRequest,
    ServerRef,
)
from opsroom_contracts.agents.records import AGENT_LEASE, AGENT_RECORD
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import FailureCode
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.subjects import AGENTS_STREAM, CLOUD_SERVICE, agent_lease, agent_record
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.deployment.private_files import agent_user
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import agents_stream, ensure_stream
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.waiting import until_answer

EXAMPLE = Path(__file__).parents[3] / "deploy/examples/node"
INSTALL_SECONDS = 120
FILES = agent_endpoints("files")
RUNNING, STOPPED = InstanceState.RUNNING, InstanceState.STOPPED
LIFE = (
    (Command.CREATE, STOPPED),
    (Command.START, RUNNING),
    (Command.RESTART, RUNNING),
    (Command.STOP, STOPPED),
    (Command.REMOVE, None),
)


@pytest.fixture
async def example(tmp_path: Path) -> Path:
    """The example with its packages; skips the test where there is no Node.js."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not on PATH")
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    install = await asyncio.create_subprocess_exec(
        *("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"), cwd=folder, stdout=PIPE, stderr=STDOUT
    )
    said, _ = await asyncio.wait_for(install.communicate(), INSTALL_SECONDS)
    assert install.returncode == 0, said.decode()
    return folder


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[GuardedBroker]:
    """A broker with the users of the portal: the provider needs no other rights than any agent."""
    (tmp_path / "broker").mkdir()
    process = GuardedBroker(tmp_path / "broker", ["files"])
    await process.start()
    yield process
    await process.stop()


@asynccontextmanager
async def cloud(guarded: GuardedBroker) -> AsyncIterator[NatsConnection]:
    connection = await connect(guarded.url, name=CLOUD_SERVICE, credentials=guarded.access(CLOUD_SERVICE))
    try:
        await ensure_stream(connection, agents_stream(replicas=1))
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def provider(example: Path, guarded: GuardedBroker) -> AsyncIterator[Process]:
    environ = {**os.environ, "NATS_URL": guarded.url, **guarded.environ(agent_user("files"))}
    process = await asyncio.create_subprocess_exec(
        *("node", "provider.mjs", example.parent / "files"), cwd=example, env=environ, stdout=DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def order(command: Command, *, start: bool = False) -> ApplyRequest:
    ref = ServerRef(id="web-1", name="web", template="file")
    return ApplyRequest(operation_id=uuid4().hex, command=command, server=ref, start=start)


async def apply(client: RequestClient, request: ApplyRequest) -> ApplyReply:
    """Ask until the provider is at work."""

    async def attempt() -> ApplyReply | None:
        try:
            return await client.request(FILES.apply, request)
        except FaultError as error:
            if error.fault.code is not ErrorCode.UNAVAILABLE:
                raise
            return None

    reply = await until_answer(attempt, lambda one: one is not None)
    assert reply is not None
    return reply


@pytest.mark.timeout(300)
async def test_a_life_and_a_kill(example: Path, guarded: GuardedBroker) -> None:
    assert len((example / "provider.mjs").read_text().splitlines()) < 100
    async with cloud(guarded) as broker:
        client, reader = RequestClient(broker), StreamReader(broker, AGENTS_STREAM)
        async with provider(example, guarded) as first:
            for command, expected in LIFE:
                request = order(command)
                for _ in range(2):
                    reply = await apply(client, request)
                    assert reply.status is ApplyStatus.DONE
                    assert (reply.observed and reply.observed.state) == expected
                observed = await client.request(FILES.observe, ObserveRequest(servers=(request.server,)))
                assert [one.state for one in observed.found] == ([] if expected is None else [expected])
                assert observed.gone == (() if expected else ("web-1",))
                listed = await client.request(FILES.list, ProviderListRequest())
                assert [(one.id, one.name, one.template, one.state) for one in listed.servers] == (
                    [] if expected is None else [("web-1", "web", "file", expected)]
                )
            missing = await client.request(FILES.apply, order(Command.START))
            assert (missing.status, missing.code) == (ApplyStatus.FAILED, FailureCode.VANISHED)
            last = await reader.last(agent_record("files"))
            assert last is not None
            record = AGENT_RECORD.read(last.data)
            assert [view.name for view in record.templates] == ["file"]
            lease = await reader.last(agent_lease("files"))
            assert lease is not None
            assert AGENT_LEASE.read(lease.data).process == record.process
            create = order(Command.CREATE)
            await client.request(FILES.apply, create)
            await client.request(FILES.apply, order(Command.START))
            first.kill()
        async with provider(example, guarded):  # stands by until the lease of the first one has expired
            late = await apply(client, create)
            listed = await client.request(FILES.list, ProviderListRequest())
        assert guarded.refusals() == []
        assert late.observed is not None
        assert late.observed.state is STOPPED
        assert [one.state for one in listed.servers] == [RUNNING]
