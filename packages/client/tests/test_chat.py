"""The chat: said, heard, resumed after breaks, and refused."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from opsroom_client import Chat, ClosedError, Opsroom, OpsroomError, RefusedError, UnreachableError
from opsroom_client.receive_buffer import MOST_WAITING, ReceiveBuffer
from opsroom_contracts.close_codes import Retry
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.frames import MessageFrame, ResetFrame, WelcomeFrame
from opsroom_testkit.ports import free_port
from packages.client.tests.wire import Wire

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def opsroom(wire: Wire) -> AsyncIterator[Opsroom]:
    async with Opsroom(wire.url, patience=10) as client:
        yield client


async def token(opsroom: Opsroom) -> str:
    return (await opsroom.register(f"p-{uuid4().hex[:20]}")).token


async def texts(chat: Chat, count: int) -> list[str]:
    """The next ``count`` messages."""
    heard: list[str] = []
    async with asyncio.timeout(20):
        async for event in chat:
            if isinstance(event, MessageFrame):
                heard.append(event.text)
                if len(heard) == count:
                    break
    return heard


async def test_what_one_says_the_other_hears_and_history_keeps(opsroom: Opsroom) -> None:
    async with opsroom.chat(await token(opsroom)) as one, opsroom.chat(await token(opsroom)) as other:
        ack = await one.send("hello", client_id="h1")
        again = await one.send("hello", client_id="h1")
        assert (again.seq, again.duplicate) == (ack.seq, True)
        assert await texts(other, 1) == ["hello"]
        assert other.seq == ack.seq
        assert one.user.id in other.users
        assert {one.user, other.user} <= set(await opsroom.users())
        assert [m.text for m in await opsroom.history(after=ack.seq - 1, limit=1)] == ["hello"]


async def test_every_message_comes_once_and_in_order_through_cuts(opsroom: Opsroom, wire: Wire) -> None:
    async with opsroom.chat(await token(opsroom)) as one, opsroom.chat(await token(opsroom)) as other:
        said = [f"{n}" for n in range(40)]
        hearing = asyncio.create_task(texts(other, len(said)))
        for number, text in enumerate(said):
            sending = asyncio.create_task(one.send(text))
            if number % 10 == 5:
                wire.cut()
            await sending
        assert await hearing == said


async def test_who_does_not_read_loses_nothing_and_can_still_speak(opsroom: Opsroom) -> None:
    async with opsroom.chat(await token(opsroom)) as one, opsroom.chat(await token(opsroom)) as other:
        said = [f"{n}" for n in range(MOST_WAITING + 50)]
        for part in range(0, len(said), 100):
            await asyncio.gather(*(one.send(text, client_id=text) for text in said[part : part + 100]))
        last = await other.send("mine")
        heard = await texts(other, len(said) + 1)
        assert sorted(heard[:-1], key=int) == said
        assert (heard[-1], other.seq) == ("mine", last.seq)


async def test_a_reader_comes_back_by_sequence_or_is_told_that_it_cannot(opsroom: Opsroom) -> None:
    mine = await token(opsroom)
    async with opsroom.chat(mine) as chat:
        seq = (await chat.send("first")).seq
        await chat.send("second")
    async with opsroom.chat(mine, since=seq) as chat:
        assert await texts(chat, 1) == ["second"]
    async with opsroom.chat(mine, since=seq + 1_000_000) as chat:
        async with asyncio.timeout(10):
            assert isinstance(await anext(chat), WelcomeFrame)
            while not isinstance(await anext(chat), ResetFrame):
                pass


async def test_leaving_ends_the_chat_and_frees_the_name(opsroom: Opsroom) -> None:
    name = f"p-{uuid4().hex[:20]}"
    registered = await opsroom.register(name)
    async with opsroom.chat(registered.token) as chat:
        await chat.leave()
        async with asyncio.timeout(10):
            assert all([event async for event in chat])
        with pytest.raises(OpsroomError):
            await chat.send("too late")
    assert (await opsroom.register(name)).user.name == name


async def test_refusals_say_what_is_wrong(opsroom: Opsroom) -> None:
    registered = await opsroom.register(f"p-{uuid4().hex[:20]}")
    with pytest.raises(RefusedError) as taken:
        await opsroom.register(registered.user.name)
    assert taken.value.code is ErrorCode.NAME_TAKEN
    with pytest.raises(ClosedError) as closed:
        async with opsroom.chat("nobody's"):
            pass
    assert closed.value.retry is Retry.REGISTER
    async with opsroom.chat(registered.token) as chat:
        with pytest.raises(RefusedError) as unknown:
            await chat.send("x", room="nowhere")
        assert unknown.value.code is ErrorCode.ROOM_UNKNOWN


async def test_where_nobody_is_one_is_told_in_time() -> None:
    async with Opsroom(f"http://127.0.0.1:{free_port()}", patience=0.3) as nobody:
        with pytest.raises(UnreachableError):
            await nobody.users()
        with pytest.raises(UnreachableError):
            async with nobody.chat("x"):
                pass
    with pytest.raises(ValueError, match="must be like"):
        Opsroom("ftp://x")


async def test_the_buffer_takes_nothing_past_its_bound_until_it_was_emptied() -> None:
    incoming: ReceiveBuffer[int] = ReceiveBuffer(2)
    assert [incoming.put(n) for n in range(3)] == [True, True, False]
    assert await incoming.get() == 0
    assert not incoming.put(4), "a gap, then 4"
    assert await incoming.get() == 1
    incoming.resume()
    assert incoming.put(2)
