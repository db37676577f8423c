"""Chat: sending, receiving, resuming after disconnects, and errors."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from opsroom_client import Chat, ClosedError, Opsroom, OpsroomError, RequestRejectedError, UnreachableError
from opsroom_client.receive_buffer import MAX_ITEMS
from opsroom_contracts.chat.frames import AcknowledgedFrame, MessageFrame, ResetFrame, WelcomeFrame
from opsroom_contracts.close_codes import Retry
from opsroom_contracts.endpoints import FRAME_ENDPOINTS
from opsroom_contracts.errors import ErrorCode
from opsroom_testkit.ports import free_port
from opsroom_testkit.waiting import until
from packages.client.tests.tcp_proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def opsroom(proxy: Proxy) -> AsyncIterator[Opsroom]:
    async with Opsroom(proxy.url, timeout=10) as client:
        yield client


async def register(opsroom: Opsroom) -> str:
    return (await opsroom.register(f"p-{uuid4().hex[:20]}")).token


async def texts(chat: Chat, count: int) -> list[str]:
    """The texts of the next ``count`` messages."""
    received: list[str] = []
    async with asyncio.timeout(20):
        async for event in chat:
            if isinstance(event, MessageFrame):
                received.append(event.text)
                if len(received) == count:
                    break
    return received


async def test_a_message_is_received_and_stored(opsroom: Opsroom) -> None:
    async with opsroom.chat(await register(opsroom)) as one, opsroom.chat(await register(opsroom)) as other:
        ack = await one.send("hello", client_id="h1")
        again = await one.send("hello", client_id="h1")
        assert (again.seq, again.duplicate) == (ack.seq, True)
        assert await texts(other, 1) == ["hello"]
        assert other.seq == ack.seq
        assert one.user.id in other.users
        assert {one.user, other.user} <= set(await opsroom.users())
        assert [m.text for m in await opsroom.history(after=ack.seq - 1, limit=1)] == ["hello"]


async def test_the_history_is_complete_although_a_page_is_too_small_for_it(opsroom: Opsroom) -> None:
    async with opsroom.chat(await register(opsroom)) as one:
        sequences = [(await one.send("字" * 4000)).seq for _ in range(62)]
    page = await opsroom.history_page(limit=62)
    assert len(page.messages) < 62
    assert page.next == page.messages[0].seq
    assert [message.seq for message in await opsroom.history(limit=62)] == sequences
    assert [message.seq for message in await opsroom.history(after=sequences[0] - 1, limit=62)] == sequences
    assert len(await opsroom.history(before=sequences[30], limit=30)) == 30


async def test_messages_arrive_once_and_in_order_through_disconnects(opsroom: Opsroom, proxy: Proxy) -> None:
    async with opsroom.chat(await register(opsroom)) as one, opsroom.chat(await register(opsroom)) as other:
        sent = [f"{n}" for n in range(40)]
        receiving = asyncio.create_task(texts(other, len(sent)))
        for number, text in enumerate(sent):
            sending = asyncio.create_task(one.send(text))
            if number % 10 == 5:
                proxy.cut()
            await sending
        assert await receiving == sent


async def test_a_dead_connection_is_replaced(opsroom: Opsroom, proxy: Proxy) -> None:
    async with (
        opsroom.chat(await register(opsroom)) as slow,
        opsroom.chat(await register(opsroom), ping_seconds=0.5) as quick,
    ):
        connections = proxy.connections
        proxy.swallow()
        await until(lambda: proxy.connections > connections)
        sending = asyncio.create_task(quick.send("back"))
        assert await texts(quick, 1) == ["back"]
        assert slow.user.id in quick.users
        await sending
        proxy.cut()  # the connection of the other user is as dead, and would delay the end


async def test_half_of_a_character_is_rejected_and_the_next_message_goes(opsroom: Opsroom) -> None:
    async with opsroom.chat(await register(opsroom)) as one:
        with pytest.raises(RequestRejectedError) as rejected:
            await one.send("cut \ud83d emoji")
        assert (rejected.value.code, rejected.value.field) == (ErrorCode.INVALID_REQUEST, "text")
        assert not (await one.send("harmless")).duplicate


async def test_a_slow_reader_loses_nothing_and_can_send(opsroom: Opsroom) -> None:
    async with opsroom.chat(await register(opsroom)) as one, opsroom.chat(await register(opsroom)) as other:
        sent = [f"{n}" for n in range(MAX_ITEMS + 50)]
        for part in range(0, len(sent), 100):
            await asyncio.gather(*(one.send(text, client_id=text) for text in sent[part : part + 100]))
        last = await other.send("token")
        received = await texts(other, len(sent) + 1)
        assert sorted(received[:-1], key=int) == sent
        assert (received[-1], other.seq) == ("token", last.seq)


async def test_a_reader_resumes_by_sequence_or_gets_a_reset(opsroom: Opsroom) -> None:
    token = await register(opsroom)
    async with opsroom.chat(token) as chat:
        seq = (await chat.send("first")).seq
        await chat.send("second")
    async with opsroom.chat(token, since=seq) as chat:
        assert await texts(chat, 1) == ["second"]
    async with opsroom.chat(token, since=seq + 1_000_000) as chat:
        async with asyncio.timeout(10):
            assert isinstance(await anext(chat), WelcomeFrame)
            while not isinstance(await anext(chat), ResetFrame):
                pass


async def test_leaving_ends_the_chat_and_releases_the_name(opsroom: Opsroom) -> None:
    name = f"p-{uuid4().hex[:20]}"
    registered = await opsroom.register(name)
    async with opsroom.chat(registered.token) as chat:
        await chat.leave()
        async with asyncio.timeout(10):
            assert all([event async for event in chat])
        with pytest.raises(OpsroomError):
            await chat.send("too late")
    assert (await opsroom.register(name)).user.name == name


async def test_rejections_have_an_error_code(opsroom: Opsroom) -> None:
    registered = await opsroom.register(f"p-{uuid4().hex[:20]}")
    with pytest.raises(RequestRejectedError) as taken:
        await opsroom.register(registered.user.name)
    assert taken.value.code is ErrorCode.NAME_TAKEN
    with pytest.raises(ClosedError) as closed:
        async with opsroom.chat("unknown"):
            pass
    assert closed.value.retry is Retry.REGISTER
    async with opsroom.chat(registered.token) as chat:
        with pytest.raises(RequestRejectedError) as unknown:
            await chat.send("x", room="nowhere")
        assert unknown.value.code is ErrorCode.ROOM_UNKNOWN


@pytest.mark.parametrize("frame", FRAME_ENDPOINTS, ids=lambda frame: frame.__name__)
async def test_every_acknowledged_frame_has_a_method(frame: type[AcknowledgedFrame]) -> None:
    assert inspect.iscoroutinefunction(getattr(Chat, frame.model_fields["type"].default))


async def test_an_unreachable_server_times_out() -> None:
    async with Opsroom(f"http://127.0.0.1:{free_port()}", timeout=0.3) as unreachable:
        with pytest.raises(UnreachableError):
            await unreachable.users()
        with pytest.raises(UnreachableError):
            async with unreachable.chat("x"):
                pass
    with pytest.raises(ValueError, match="must be like"):
        Opsroom("ftp://x")
