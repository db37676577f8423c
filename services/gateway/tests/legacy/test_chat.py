"""The course contract's chat over sockets: user list, relay and exit."""

import asyncio
import json
from uuid import uuid4

import pytest

from opsroom_testkit.broker import BrokerProcess
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.course_clients import as_list, course_client, register
from services.gateway.tests.kit.portal import Address, gateway_settings, portal_at, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

IN_THE_WILD = [
    '{"type":"send","message":"hi","user":{"id":"1","name":"x"}}',
    '{ "type" : "send" , "name": "x", "msg": "hi" }',
    '{"type":"send","text":"hi","name":"x","date":"2019-03-20"}',
    '{"type":"send","msg":"hi","date":1553123456789,"userId":"7"}',
    '{"type":"send","message":"hi","user":"x"}',
    '{"type":"send","user":{"name":"x","text":"hi"}}',
    '{"type":"send","message":{"text":"hi","time":"23:04"}}',
    '{"type":"send","message":"hi"}',
    '{"type":"send"}',
    '{"message":"\\u0445\\u0438 \\ud83d\\ude01 хи","type":"send"}',
]


def name() -> str:
    return f"c-{uuid4().hex[:12]}"


@pytest.mark.parametrize("path", ["/chat", "/chat/", "/chat/ws", "/chat//ws", "/chat/any/thing?at=all"])
async def test_every_open_socket_gets_the_user_list_on_every_connect(
    address: Address, agent: str, path: str
) -> None:
    me = name()
    user = await register(address, agent, me)
    async with course_client(address, agent, path) as first:
        users = as_list(await first.receive())
        assert users is not None
        assert user in users
        async with course_client(address, "another browser", path) as second:
            assert user in (as_list(await second.receive()) or [])
            assert user in (as_list(await first.receive()) or [])


async def test_a_storm_of_connects_does_not_send_the_same_list_to_others_each_time(
    address: Address, agent: str
) -> None:
    loop = asyncio.get_running_loop()
    async with course_client(address, agent) as reader:
        await reader.receive()
        started = loop.time()
        for _ in range(60):
            async with course_client(address, "another browser") as other:
                assert as_list(await other.receive()) is not None
        lists = [frame for frame in await reader.until_own_message() if as_list(frame) is not None]
        assert 1 <= len(lists) <= loop.time() - started + 2


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("frame", IN_THE_WILD)
async def test_a_send_reaches_everyone_byte_for_byte(
    address: Address, agent: str, frame: str, binary: bool
) -> None:
    async with course_client(address, agent) as sender, course_client(address, agent) as reader:
        await sender.send(frame.encode() if binary else frame)
        expected: str | bytes = frame.encode() if binary else frame
        assert await sender.message() == expected
        assert await reader.message() == expected


async def test_a_registration_after_the_socket_opened_pushes_the_new_list(
    address: Address, agent: str
) -> None:
    async with course_client(address, agent) as client:
        await client.receive()
        me = name()
        user = await register(address, agent, me)
        await client.sees(user)


@pytest.mark.parametrize("close", ["with a goodbye", "by breaking off"])
async def test_closing_the_socket_leaves_the_list_and_frees_the_name(
    address: Address, agent: str, close: str
) -> None:
    me = name()
    async with course_client(address, "witness") as witness:
        user = await register(address, agent, me)
        async with course_client(address, agent) as client:
            await witness.sees(user)
            await client.until_own_message()
            if close == "by breaking off":
                client.socket.transport.abort()
        await witness.misses(user)
    assert (await register(address, agent, me))["name"] == me


@pytest.mark.parametrize(
    "exit_frame",
    [
        {"type": "exit", "user": {"name": "NAME"}},
        {"type": "exit", "user": {"id": "ID", "name": "NAME"}},
        {"type": "exit"},
        {"type": "exit", "name": "NAME"},
    ],
)
async def test_an_exit_removes_the_user_and_leaves_the_socket_open(
    address: Address, agent: str, exit_frame: dict[str, object]
) -> None:
    me = name()
    user = await register(address, agent, me)
    frame = json.dumps(exit_frame).replace("NAME", me).replace("ID", user["id"])
    async with course_client(address, agent) as client, course_client(address, "witness") as witness:
        await witness.sees(user)
        await client.send(frame)
        for someone in (client, witness):
            await someone.misses(user)
        await client.send(frame)
        await client.misses(user)
        await client.until_own_message()
        again = await register(address, agent, me)
        await client.sees(again)


async def test_an_exit_does_not_remove_anybody_else(address: Address, agent: str) -> None:
    me, other = name(), f"other-{uuid4().hex}"
    user = await register(address, agent, me)
    async with course_client(address, agent) as mine, course_client(address, other) as intruder:
        await mine.until_own_message()
        for frame in (
            {"type": "exit", "user": {"name": me}},
            {"type": "exit", "user": user},
            {"type": "exit", "user": {"name": "nobody at all"}},
            {"type": "exit", "user": 7},
            {"type": "exit"},
        ):
            await intruder.send(frame)
        await intruder.until_own_message()
        async with course_client(address, "late witness") as witness:
            assert user in (as_list(await witness.receive()) or [])
        async with address.requests(other) as client:
            response = await client.post("/chat/new-user", json={"name": me})
            assert response.status_code == 409


async def test_an_exit_just_before_the_close_counts_once(address: Address, agent: str) -> None:
    me = name()
    user = await register(address, agent, me)
    async with course_client(address, agent) as client:
        await client.until_own_message()
        await client.send({"type": "exit", "user": {"name": me}})
    async with course_client(address, "witness") as witness:
        await witness.misses(user)


async def test_closing_an_old_socket_does_not_affect_a_newer_one(address: Address, agent: str) -> None:
    me = name()
    user = await register(address, agent, me)
    frame = {"type": "send", "message": "mine", "user": user}
    async with course_client(address, agent) as old:
        await old.send(frame)
        await old.message()
        async with course_client(address, agent) as new:
            await new.send(frame)
            await new.message()
            await old.socket.close()
            await new.until_own_message()
            async with course_client(address, "witness") as witness:
                assert user in (as_list(await witness.receive()) or [])


async def test_a_silent_socket_keeps_its_user_after_the_binding_time(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    async with portal_at(process.url, gateway_settings(course_binding_seconds=1.0)) as portal:
        address = portal.gateway
        silent = await register(address, "silent", "silent")
        async with course_client(address, "silent") as client, course_client(address, "witness") as witness:
            lonely = await register(address, "no socket", "lonely")
            await witness.sees(lonely)
            users = await witness.listed("silent")
            assert users == [silent]
            assert await client.until_own_message() is not None
    await process.stop()


async def test_swapped_sockets_of_two_users_at_one_address_are_corrected(
    address: Address, agent: str
) -> None:
    anna, boris = await register(address, agent, name()), await register(address, agent, name())
    # The newest registration is guessed first, so the first socket is bound to boris.
    async with course_client(address, "witness") as witness:
        async with course_client(address, agent) as annas, course_client(address, agent) as boris_own:
            await annas.send({"type": "send", "message": "I am Anna", "user": anna})
            await annas.message()
            await boris_own.until_own_message()
            await annas.socket.close()
            assert boris in await witness.misses(anna)
        await witness.misses(boris)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"connect","user":{"name":"x"}}',
        '{"type":"connection"}',
        '{"type":"disconnect"}',
        '{"type":"getUsers"}',
        '{"type":"new-user","name":"x"}',
        '{"type":"ping"}',
        '{"type":7}',
        '{"no":"type"}',
        "null",
        '"str"',
        "[]",
        "7",
        "",
        "{",
        "[" * 60_000,
        '{"type":"send","a":' * 2_000,
    ],
)
async def test_unknown_frames_are_ignored(address: Address, agent: str, frame: str, binary: bool) -> None:
    async with course_client(address, agent) as client:
        await client.receive()
        await client.send(frame.encode() if binary else frame)
        assert all(as_list(other) is not None for other in await client.until_own_message())


async def test_binary_frames_that_are_not_utf8_are_ignored(address: Address, agent: str) -> None:
    async with course_client(address, agent) as client:
        await client.send(b"\xff\xfe\x00")
        assert all(as_list(other) is not None for other in await client.until_own_message())


async def test_an_oversized_frame_closes_only_its_own_socket(address: Address, agent: str) -> None:
    async with course_client(address, agent) as big, course_client(address, agent) as other:
        await big.send('{"type":"send","message":"' + "x" * 1_000_000 + '"}')
        await other.until_own_message()
        await big.socket.wait_closed()
        assert big.socket.close_code == 1009


async def test_a_course_message_reaches_v1_clients_normalized(address: Address, agent: str) -> None:
    me = name()
    user = await register(address, agent, me)
    async with person(address) as reader, course_client(address, agent) as sender:
        await sender.send({"type": "send", "message": {"text": "privet", "time": "1"}, "user": user})
        message = await reader.receive("message")
        assert (message["user"], message["text"], message["room"]) == (user, "privet", "general")
        assert message["timestamp"].endswith("Z")


async def test_a_v1_message_reaches_course_clients_in_their_format(address: Address, agent: str) -> None:
    async with person(address) as sender, course_client(address, agent) as reader:
        await sender.say("hello, course")
        frame = await reader.message()
        assert isinstance(frame, str)
        user = {"id": sender.welcome["user"]["id"], "name": sender.welcome["user"]["name"]}
        assert json.loads(frame) == {"type": "send", "message": "hello, course", "user": user}


async def test_a_course_client_can_neither_send_nor_leave_for_a_user_with_a_token(
    address: Address, agent: str
) -> None:
    async with person(address) as victim, course_client(address, agent) as attacker:
        user = victim.welcome["user"]
        await attacker.send({"type": "send", "message": "I am not who I say", "user": user})
        message = await victim.receive("message")
        assert message["user"]["id"] != user["id"]
        assert message["user"]["name"] != user["name"]
        await attacker.send({"type": "exit", "user": user})
        await attacker.until_own_message()
        async with address.requests(agent) as client:
            assert user in (await client.get("/api/v1/chat/users")).json()["users"]
            response = await client.post("/chat/new-user", json={"name": user["name"]})
            assert response.status_code == 409


async def test_a_user_can_register_at_one_gateway_and_connect_at_another(
    tmp_path_factory: pytest.TempPathFactory, agent: str
) -> None:
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    quick = gateway_settings(course_binding_seconds=1.0)
    async with portal_at(process.url, quick) as portal, serving(process.url, quick) as second:
        user = await register(portal.gateway, agent, "traveller")
        async with course_client(second, agent) as client, course_client(portal.gateway, "w") as witness:
            await witness.listed("traveller")
            lonely = await register(portal.gateway, "no socket", "lonely")
            await witness.sees(lonely)
            assert await witness.listed("traveller") == [user]
            await client.send({"type": "exit"})
            await witness.listed()
    await process.stop()
