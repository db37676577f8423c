"""Backups by the commands of ``docs/operations.md``: a restored portal has all data and continues."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from opsroom_client import Opsroom, Position, RequestRejectedError
from opsroom_contracts.chat.frames import MessageFrame, ResetFrame
from opsroom_contracts.chat.models import Message
from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http import ResetEvent
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.portal import portal_at
from tests.documentation.cookbook import ROOT, CommandLine, Recipe, command_line, recipes

_PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
BACKUP = [recipe for recipe in recipes(_PAGE) if recipe.argv[:3] == ["nats", "backup", "stream"]]
RESTORE = [recipe for recipe in recipes(_PAGE) if recipe.argv[:4] == ["nats", "backup", "restore", "stream"]]
STREAMS = ["CHAT", "MEMBERS", "CLOUD", "AUDIT", "KV_gateways"]


class Before:
    """What a user created before the backup, and checks after the restore."""

    messages: tuple[Message, ...]
    instances: tuple[Instance, ...]
    token: str

    async def make(self, opsroom: Opsroom) -> None:
        """Create a user, two messages and a server."""
        ann = await opsroom.register("Ann")
        self.token = ann.token
        async with opsroom.chat(ann.token) as chat:
            await chat.send("one", client_id="c1")
            await chat.send("two", client_id="c2")
        seq = (await opsroom.cloud.instances()).seq
        await opsroom.cloud.finished(await opsroom.cloud.create(key="k1"), seq)
        self.messages = await opsroom.history()
        self.instances = (await opsroom.cloud.instances()).instances
        assert len(self.messages) == 2
        assert len(self.instances) == 1

    async def holds(self, opsroom: Opsroom) -> None:
        """Check that all of it is there, that retries are still deduplicated, and that new requests work."""
        assert await opsroom.history() == self.messages
        assert (await opsroom.cloud.instances()).instances == self.instances
        async with opsroom.chat(self.token) as chat:
            again = await chat.send("two", client_id="c2")
            assert (again.seq, again.duplicate) == (self.messages[-1].seq, True)
            assert (await chat.send("three")).seq > again.seq
            with pytest.raises(RequestRejectedError) as taken:
                await opsroom.register("ann")
        assert taken.value.code is ErrorCode.NAME_TAKEN
        seq = (await opsroom.cloud.instances()).seq
        repeated = await opsroom.cloud.create(key="k1")
        assert repeated.instance_id == self.instances[0].id
        await opsroom.cloud.finished(await opsroom.cloud.start(repeated.instance_id), seq)


class Afterwards:
    """What a user did after the backup, and will not find again after the restore."""

    chat: Position | None
    servers: Position
    count = 3

    async def make(self, opsroom: Opsroom, token: str) -> None:
        """Send messages and create servers, and remember where a reader of them is."""
        self.servers = Position.of(await opsroom.cloud.instances())
        for _ in range(self.count):
            await opsroom.cloud.finished(await opsroom.cloud.create(), self.servers)
        self.servers = Position.of(await opsroom.cloud.instances())
        async with opsroom.chat(token) as chat:
            last = [await chat.send("lost") for _ in range(self.count)][-1]
            while chat.seq != last.seq:
                await anext(chat)
            self.chat = chat.position

    async def is_noticed(self, opsroom: Opsroom, token: str) -> None:
        """Check that a reader who returns gets a reset, although the server has as many events as before."""
        while (await opsroom.cloud.instances()).seq <= self.servers.seq:
            before = Position.of(await opsroom.cloud.instances())
            await opsroom.cloud.finished(await opsroom.cloud.create(), before)
        async with opsroom.chat(token) as chat:
            for _ in range(2 * self.count):
                await chat.send("new")
        async with opsroom.chat(token, since=self.chat) as chat:
            while not isinstance(event := await anext(chat), ResetFrame):
                assert not isinstance(event, MessageFrame)
        async with opsroom.cloud.follow(self.servers) as changes:
            assert isinstance(await anext(changes), ResetEvent)


@asynccontextmanager
async def portal(broker: BrokerProcess) -> AsyncIterator[Opsroom]:
    async with portal_at(broker.url) as whole, Opsroom(whole.gateway.http, timeout=20) as opsroom:
        yield opsroom


def shell(folder: Path, broker: BrokerProcess, nats: str) -> CommandLine:
    context = folder / f"context-{broker.url.rpartition(':')[2]}.json"
    context.write_text(json.dumps({"url": broker.url}))
    return CommandLine(nats, context)


def here(recipe: Recipe, folder: Path) -> list[str]:
    """The command, with the folder of the test."""
    return [str(folder / word) if word.startswith("backup/") else word for word in recipe.argv]


def test_the_page_has_a_command_for_each_stream() -> None:
    assert [recipe.argv[3] for recipe in BACKUP] == STREAMS
    assert [recipe.argv[4] for recipe in RESTORE] == [f"backup/{stream}" for stream in STREAMS]


async def test_the_copied_folder_of_a_stopped_broker_is_a_backup(tmp_path: Path) -> None:
    before = Before()
    async with AsyncExitStack() as stack:
        first, second, after = tmp_path / "first", tmp_path / "second", Afterwards()
        first.mkdir()
        broker = BrokerProcess(first)
        await broker.start()
        stack.push_async_callback(broker.stop)
        async with portal(broker) as opsroom:
            await before.make(opsroom)
        await broker.stop()
        shutil.copytree(first, second)
        await broker.start()
        async with portal(broker) as opsroom:
            await after.make(opsroom, before.token)
        await broker.stop()
        restored = BrokerProcess(second)
        await restored.start()
        stack.push_async_callback(restored.stop)
        async with portal(restored) as opsroom:
            await before.holds(opsroom)
            await after.is_noticed(opsroom, before.token)


async def test_streams_are_backed_up_while_they_are_used_and_restored_into_an_empty_broker(
    tmp_path: Path,
) -> None:
    nats = command_line()
    if nats is None:
        pytest.skip("nats is not on PATH: see CONTRIBUTING.md")
    before = Before()
    async with AsyncExitStack() as stack:
        brokers = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            brokers.append(BrokerProcess(tmp_path / name))
            await brokers[-1].start()
            stack.push_async_callback(brokers[-1].stop)
        after = Afterwards()
        async with portal(brokers[0]) as opsroom:
            await before.make(opsroom)
            for recipe in BACKUP:
                await shell(tmp_path, brokers[0], nats).run(here(recipe, tmp_path))
            await after.make(opsroom, before.token)
        for recipe in RESTORE:
            await shell(tmp_path, brokers[1], nats).run(here(recipe, tmp_path))
        async with portal(brokers[1]) as opsroom:
            await before.holds(opsroom)
            await after.is_noticed(opsroom, before.token)


async def test_streams_that_are_restored_under_running_services_are_noticed(tmp_path: Path) -> None:
    """The page says to stop the services; an operator may forget it."""
    nats = command_line()
    if nats is None:
        pytest.skip("nats is not on PATH: see CONTRIBUTING.md")
    before, after = Before(), Afterwards()
    broker = BrokerProcess(tmp_path)
    await broker.start()
    try:
        async with portal(broker) as opsroom:
            await before.make(opsroom)
            operator = shell(tmp_path, broker, nats)
            for recipe in BACKUP:
                await operator.run(here(recipe, tmp_path))
            await after.make(opsroom, before.token)
            for stream in STREAMS:
                await operator.run(["nats", "stream", "rm", stream, "-f"])
            for recipe in RESTORE:
                await operator.run(here(recipe, tmp_path))
            await until_answer(opsroom.cloud.instances, lambda listed: listed.instances == before.instances)
            assert await opsroom.history() == before.messages
            await after.is_noticed(opsroom, before.token)
    finally:
        await broker.stop()
