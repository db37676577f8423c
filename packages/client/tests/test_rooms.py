"""Rooms with the client and the command line."""

import asyncio
import json
from uuid import uuid4

import pytest

from opsroom_client import Chat, Opsroom, RequestRejectedError
from opsroom_client.chat import ChatEvent
from opsroom_contracts.chat.frames import MessageFrame, ReadNotice, RoomFrame
from opsroom_contracts.chat.rooms import RoomRole
from opsroom_contracts.errors import ErrorCode
from packages.client.tests.shell import Shell, piped
from packages.client.tests.tcp_proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def next_of(chat: Chat, kind: type[ChatEvent]) -> ChatEvent:
    """The next event of type ``kind``."""
    async with asyncio.timeout(20):
        async for event in chat:
            if isinstance(event, kind):
                return event
    raise AssertionError("the chat ended")


async def registered(proxy: Proxy) -> str:
    """Register somebody, and return the token."""
    async with Opsroom(proxy.url, timeout=10) as opsroom:
        return (await opsroom.register(f"p-{uuid4().hex[:20]}")).token


async def test_a_room_by_its_owner_and_an_invited_member(proxy: Proxy) -> None:
    owner, member = await registered(proxy), await registered(proxy)
    async with (
        Opsroom(proxy.url, token=owner, timeout=10) as at_owner,
        Opsroom(proxy.url, token=member, timeout=10) as at_member,
        at_owner.chat(owner) as speaking,
        at_member.chat(member) as listening,
    ):
        room = await at_owner.rooms.create(f"room {uuid4().hex[:20]}", private=True)
        assert [view.room.id for view in await at_member.rooms.list()] == ["general"]
        await at_owner.rooms.invite(room.id, [listening.user.id])
        joined = await next_of(listening, RoomFrame)
        assert isinstance(joined, RoomFrame)
        assert (joined.room, joined.role) == (room, RoomRole.MEMBER)
        assert list(listening.rooms) == [room.id]
        await speaking.send("hi", room=room.id)
        message = await next_of(listening, MessageFrame)
        assert isinstance(message, MessageFrame)
        assert (message.room, message.text) == (room.id, "hi")
        assert {one.user.id for one in await at_member.rooms.members(room.id)} == {
            speaking.user.id,
            listening.user.id,
        }
        with pytest.raises(RequestRejectedError) as refused:
            await at_member.rooms.change(room.id, description="mine")
        assert refused.value.code is ErrorCode.FORBIDDEN
        await at_owner.rooms.remove(room.id, listening.user.id)
        left = await next_of(listening, RoomFrame)
        assert isinstance(left, RoomFrame)
        assert left.role is None
        assert listening.rooms == {}
        direct = await at_owner.rooms.direct([listening.user.id])
        assert (await at_member.rooms.direct([speaking.user.id])).id == direct.id


async def test_a_quiet_chat_advances_its_position(proxy: Proxy) -> None:
    """Otherwise a reconnect would have to look through everything that others said."""
    owner, other = await registered(proxy), await registered(proxy)
    async with Opsroom(proxy.url, token=owner, timeout=10) as opsroom:
        room = await opsroom.rooms.create(f"room {uuid4().hex[:20]}", private=True)
        async with opsroom.chat(owner) as speaking, opsroom.chat(other) as quiet:
            ack = await speaking.send("hi", room=room.id)

            async def read() -> None:
                async for _ in quiet:
                    pass

            reading = asyncio.create_task(read())
            async with asyncio.timeout(40):
                while (quiet.seq or 0) < ack.seq:
                    await asyncio.wait({reading}, timeout=0.1)
            reading.cancel()
            await asyncio.wait({reading})


async def test_the_command_line(proxy: Proxy) -> None:
    token, name = await registered(proxy), f"room {uuid4().hex[:20]}"
    shell = Shell(proxy.url, token)
    created = await shell("rooms", "create", name, "--description", "What for")
    assert (created.exit_code, created.output.split(" ", 1)[1]) == (0, f"{name} created\n"), created.output
    room = created.output.split()[0]
    listed = [json.loads(line) for line in (await shell("rooms", "ls", "--json")).output.splitlines()]
    assert {"id": room, "name": name, "description": "What for"}.items() <= next(
        view["room"].items() for view in listed if view["room"]["id"] == room
    )
    assert (await shell("rooms", "change", name, "--archive")).exit_code == 0
    assert (await shell("rooms", "change", room, "--unarchive")).exit_code == 0
    code, _, err = await piped(proxy.url, f"opsroom chat --name c-{uuid4().hex[:20]} --room '{name}'", "hi\n")
    assert code == 0, err
    async with Opsroom(proxy.url, token=token, timeout=10) as opsroom:
        assert [message.text for message in await opsroom.history(room)] == ["hi"]
    assert (await shell("rooms", "leave", name)).output == f"left {name}\n"
    assert (await shell("rooms", "join", name)).output == f"joined {name}\n"
    assert "OWNER" not in (await shell("rooms", "members", name)).output
    unknown = await shell("rooms", "join", "nowhere")
    assert (unknown.exit_code, unknown.output) == (
        1,
        "opsroom: there is no room 'nowhere' that you can see; `opsroom rooms ls` lists them\n",
    )


async def test_what_is_unread_is_the_same_on_two_devices(proxy: Proxy) -> None:
    speaker, reader = await registered(proxy), await registered(proxy)
    async with (
        Opsroom(proxy.url, token=reader, timeout=10) as opsroom,
        opsroom.chat(speaker) as speaking,
        opsroom.chat(reader, unread=True) as desk,
    ):
        await next_of(desk, ReadNotice)  # the first device sets the position
        async with opsroom.chat(reader, unread=True) as phone:
            for number in range(3):
                last = (await speaking.send(f"text {number}")).seq
            for device in (desk, phone):
                while not isinstance(event := await next_of(device, MessageFrame), MessageFrame) or (
                    event.seq < last
                ):
                    pass
                assert device.unread["general"].unread == 3
            await phone.read("general")
            for device in (desk, phone):
                notice = await next_of(device, ReadNotice)
                assert isinstance(notice, ReadNotice)
                assert (notice.seq, device.unread["general"].unread) == (last, 0)
        (general,) = [one for one in (await opsroom.rooms.unread()).rooms if one.room == "general"]
        assert (general.read, general.unread) == (last, 0)
