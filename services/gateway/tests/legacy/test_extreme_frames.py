"""Frames of the course contract at and beyond every limit, and many at once."""

import json
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from opsroom_contracts.chat.frames import FRAME_MAX_BYTES
from opsroom_contracts.chat.models import TEXT_MAX
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.course_clients import as_list, course_client, register
from services.gateway.tests.kit.portal import Address

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAD, TAIL = '{"type":"send","message":"', '"}'
ROOM = FRAME_MAX_BYTES - len(HEAD) - len(TAIL)


@pytest.mark.parametrize(
    "frame",
    [
        HEAD + "x" * ROOM + TAIL,
        HEAD + '\\"' * (ROOM // 2) + TAIL,
        HEAD + "\\u0000" * (ROOM // 6) + TAIL,
        HEAD + "я" * (ROOM // 2) + TAIL,
        HEAD + "😁" * (ROOM // 4) + TAIL,
        HEAD + "\x7f" * ROOM + TAIL,
        HEAD + "hi" + TAIL + "\n\t\r " * (ROOM // 5),
        '{"type":"send","message":' + "[" * 200 + "]" * 200 + "}",
        '{"type":"send","message":' + '{"a":[' * 7_000 + "1" + "]}" * 7_000 + "}",
        '{"type":"send","message":' + "9" * 5_000 + "}",
        '{"type":"send","message":[-1e99999,0.1e-99999,' + "9" * 9_000 + "." + "9" * 9_000 + "]}",
        '{"type":"exit","type":"send","message":1e400,"user":{"name":1}}',
        HEAD + "\\ud83d alone" + TAIL,
    ],
    ids=[
        "x",
        "quotes",
        "nulls",
        "cyrillic",
        "emoji",
        "delete",
        "space",
        "nesting",
        "deep",
        "digits",
        "exponents",
        "twice",
        "half a pair",
    ],
)
@pytest.mark.parametrize("binary", [False, True])
async def test_the_largest_and_oddest_messages_are_relayed_unchanged(
    address: Address, agent: str, frame: str, binary: bool
) -> None:
    sent: str | bytes = frame.encode() if binary else frame
    async with person(address) as reader, course_client(address, agent) as sender:
        async with course_client(address, agent) as other:
            await sender.send(sent)
            assert await sender.message() == sent
            assert await other.message() == sent
            message = await reader.receive("message")
            assert 1 <= len(message["text"]) <= TEXT_MAX


async def test_a_text_frame_that_is_not_utf8_closes_only_its_own_socket(address: Address, agent: str) -> None:
    async with course_client(address, agent) as bad, course_client(address, agent) as other:
        await bad.socket.send(b"\xff\xfe{}", text=True)
        await bad.socket.wait_closed()
        assert bad.socket.close_code == 1007
        await other.until_own_message()


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
async def test_what_is_not_json_is_ignored(address: Address, agent: str, constant: str) -> None:
    async with course_client(address, agent) as client:
        await client.send(f'{{"type":"send","message":{constant}}}')
        assert all(as_list(frame) is not None for frame in await client.until_own_message())


async def test_a_burst_arrives_completely_and_in_order(address: Address, agent: str) -> None:
    user = await register(address, agent, f"burst-{uuid4().hex[:12]}")
    frames = [json.dumps({"type": "send", "message": f"{n}", "user": user}) for n in range(300)]
    async with course_client(address, agent) as sender, course_client(address, "reader") as reader:
        for frame in frames:
            await sender.send(frame)
        assert [await sender.message() for _ in frames] == frames
        assert [await reader.message() for _ in frames] == frames


async def test_messages_sent_just_before_the_close_are_delivered(address: Address, agent: str) -> None:
    frames = [json.dumps({"type": "send", "message": f"{n} {uuid4().hex}"}) for n in range(20)]
    async with course_client(address, "reader") as reader:
        async with course_client(address, agent) as sender:
            for frame in frames:
                await sender.send(frame)
        assert [await reader.message() for _ in frames] == frames


async def test_after_many_connects_everybody_has_the_same_list(address: Address, agent: str) -> None:
    users = [await register(address, f"{agent}-{n}", f"rush-{uuid4().hex[:12]}") for n in range(20)]
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(course_client(address, "first"))]
        for n in range(20):
            clients.append(await stack.enter_async_context(course_client(address, f"{agent}-{n}")))
        for client in clients:
            listed: list[dict[str, str]] = []
            while not all(user in listed for user in users):
                listed = as_list(await client.receive()) or []
