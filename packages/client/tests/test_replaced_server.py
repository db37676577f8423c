"""A client that was away while the data was replaced gets a reset, however much was stored since."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opsroom_client import Opsroom, Position
from opsroom_contracts.chat.frames import MessageFrame, ResetFrame
from opsroom_contracts.http import CloudEvent, ResetEvent
from opsroom_contracts.subjects import CHAT_STREAM, CLOUD_STREAM
from services.gateway.tests.kit.replaced_streams import WAYS, LivingPortal, living_portal


@pytest.fixture(params=WAYS)
async def living(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LivingPortal]:
    async with living_portal(tmp_path, request.param) as portal:
        yield portal


async def test_a_chat_that_resumes(living: LivingPortal) -> None:
    async with Opsroom(living.address.http, timeout=20) as opsroom, asyncio.timeout(60):
        token = (await opsroom.register("Ann")).token
        await living.back_up(CHAT_STREAM)
        async with opsroom.chat(token) as chat:
            last = [await chat.send(f"lost {number}") for number in range(5)][-1]
            while chat.seq != last.seq:
                await anext(chat)
            left = chat.position
        await living.replace(CHAT_STREAM)
        async with opsroom.chat((await opsroom.register("Bob")).token) as other:
            for number in range(10):
                await other.send(f"new {number}")
        async with opsroom.chat(token, since=left) as back:
            while not isinstance(event := await anext(back), ResetFrame):
                assert not isinstance(event, MessageFrame)
            assert back.position == Position.of(event)


async def test_changes_that_resume(living: LivingPortal) -> None:
    async with Opsroom(living.address.http, timeout=20) as opsroom, asyncio.timeout(60):
        cloud = opsroom.cloud
        await living.back_up(CLOUD_STREAM)
        before = await cloud.instances()
        async with cloud.follow(Position.of(before)) as changes:
            operation = await cloud.create()
            async for change in changes:
                assert isinstance(change, CloudEvent)
                if change.type == "created":
                    break
        left = Position.of(await cloud.instances())
        assert left == Position(change.seq, before.epoch, change.timestamp)
        await living.replace(CLOUD_STREAM)
        for _ in range(5):
            later = await cloud.create()
            assert later.instance_id != operation.instance_id
        async with cloud.follow(left) as changes:
            assert isinstance(await anext(changes), ResetEvent)
