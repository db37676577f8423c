"""`WS /api/v1/chat/ws`: hello, messages, leaving, and errors."""

import asyncio
import json

import pytest

from opsroom_contracts.close_codes import Close
from opsroom_testkit.broker import BrokerProcess
from services.gateway.tests.kit.api_clients import Person, close_code, person, raw_socket, token_of
from services.gateway.tests.kit.portal import Address, gateway_settings, portal_at

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 25
"""How many messages a sender may have in flight without becoming too slow itself."""


def code(close: Close) -> int:
    return close.value.code


async def test_the_welcome_has_the_user_the_user_list_and_the_last_sequence(address: Address) -> None:
    async with person(address, name="first") as first:
        ack = await first.say("a")
        async with person(address, name="second") as second:
            assert second.welcome["user"]["name"] == "second"
            names = [user["name"] for user in second.welcome["users"]]
            assert names.index("first") < names.index("second")
            assert second.welcome["seq"] >= ack["seq"]
            assert second.socket.subprotocol == "opsroom.v1"


async def test_a_message_is_acknowledged_and_delivered_once_to_everyone(address: Address) -> None:
    async with person(address) as sender, person(address) as reader:
        await sender.send({"type": "send", "clientId": "m1", "room": "general", "text": "héllo\n<b>"})
        frames = [await sender.receive("message", "ack") for _ in range(2)]  # in any order
        ack, own = sorted(frames, key=lambda frame: str(frame["type"]))
        theirs = await reader.receive("message")
        assert own == theirs
        assert own["text"] == "héllo\n<b>"
        assert own["user"] == sender.welcome["user"]
        assert (ack["clientId"], ack["seq"], ack["id"]) == ("m1", own["seq"], own["id"])
        assert ack["duplicate"] is False
        marker = await sender.say("marker")
        assert (await reader.receive("message"))["seq"] == marker["seq"]


async def test_a_retry_with_the_same_client_id_is_not_stored_again(address: Address) -> None:
    async with person(address) as sender, person(address) as reader:
        first, second = await sender.say("once", "same"), await sender.say("once", "same")
        assert (first["seq"], first["id"]) == (second["seq"], second["id"])
        assert second["duplicate"] is True
        marker = await sender.say("marker")
        assert (await reader.receive("message"))["seq"] == first["seq"]
        assert (await reader.receive("message"))["seq"] == marker["seq"]


async def test_joins_and_leaves_are_announced_once_for_several_tabs(address: Address) -> None:
    async with person(address) as witness:
        token = await token_of(address, "tabs")
        async with person(address, token) as one:
            assert (await witness.next_about("tabs"))["type"] == "joined"
            async with person(address, token) as second:
                assert [user["name"] for user in second.welcome["users"]].count("tabs") == 1
            await one.say("still here")
            assert (await witness.next_about("tabs"))["type"] == "message"
        assert (await witness.next_about("tabs"))["type"] == "left"


async def test_leaving_in_one_tab_closes_the_others_and_frees_the_name(address: Address) -> None:
    token = await token_of(address, "leaver")
    async with person(address, token) as one, person(address, token) as other:
        await one.send({"type": "leave"})
        assert await one.closed() == code(Close.LEFT)
        assert await other.closed() == code(Close.LEFT)
    assert await token_of(address, "leaver")


async def test_typing_notices_reach_others(address: Address) -> None:
    async with person(address) as typist, person(address) as witness:
        await typist.send({"type": "typing", "room": "general"})
        notice = await witness.receive("typing")
        assert (notice["user"], notice["room"]) == (typist.welcome["user"], "general")


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        ('{"type":"send"}', "clientId"),
        ('{"type":"send","clientId":"1","room":"general","text":""}', "text"),
        ('{"type":"send","clientId":"1","room":"general","text":"' + "x" * 4001 + '"}', "text"),
        ('{"type":"send","clientId":"1","room":"general","text":"x","user":"me"}', "user"),
        ('{"type":"dance"}', None),
        ("null", None),
        ('"str"', None),
        ("[]", None),
        ("{", None),
        ("[" * 50_000, None),
        (b'{"type":"leave"}', None),
    ],
)
async def test_an_invalid_frame_is_rejected_and_the_socket_stays_usable(
    address: Address, frame: str | bytes, field: str | None
) -> None:
    async with person(address) as someone:
        await someone.send(frame)
        error = await someone.receive("error")
        assert error["code"] == "invalid_request"
        if field is not None:
            assert field in error["field"]
        assert (await someone.say("goes on"))["type"] == "ack"


@pytest.mark.parametrize(
    ("room", "text", "refusal"), [("nowhere", "x", "room_unknown"), ("general", " \n ", "invalid_request")]
)
async def test_the_error_of_a_rejected_send_has_its_client_id(
    address: Address, room: str, text: str, refusal: str
) -> None:
    async with person(address) as someone:
        await someone.send({"type": "send", "clientId": "bad", "room": room, "text": text})
        error = await someone.receive("error")
        assert (error["code"], error["clientId"]) == (refusal, "bad")


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "cut \ud83d emoji"},
        {"text": "x" * 4001},
        {"text": "x", "user": "me"},
        {"text": 10**500},
        {"type": "dance"},
    ],
    ids=["surrogate", "long", "undeclared", "number", "type"],
)
async def test_the_error_of_an_invalid_frame_has_its_client_id(
    address: Address, fields: dict[str, object]
) -> None:
    async with person(address) as someone:
        await someone.send({"type": "send", "clientId": "bad", "room": "general", **fields})
        error = await someone.receive("error")
        assert (error["code"], error["clientId"]) == ("invalid_request", "bad")
        assert (await someone.say("goes on"))["type"] == "ack"


@pytest.mark.parametrize("client_id", ["", "x" * 129, "a\nb", 1, None, ["a"]])
async def test_an_error_has_no_invalid_client_id(address: Address, client_id: object) -> None:
    async with person(address) as someone:
        await someone.send({"type": "send", "clientId": client_id, "room": "general", "text": "x"})
        error = await someone.receive("error")
        assert error["code"] == "invalid_request"
        assert "clientId" not in error


async def test_clients_that_ask_for_heartbeats_get_them(tmp_path_factory: pytest.TempPathFactory) -> None:
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    async with portal_at(process.url, gateway_settings(ping_seconds=0.5)) as quick:
        asking = {"heartbeats": True}
        async with person(quick.gateway, position=asking) as watcher, person(quick.gateway) as other:
            assert watcher.welcome["heartbeatSeconds"] == 0.5
            assert "heartbeatSeconds" not in other.welcome
            for _ in range(4):
                assert (await watcher.receive("heartbeat")).keys() - {"seq", "timestamp"} == {"type"}
            await watcher.say("after them")
            assert (await other.receive("message", "heartbeat"))["text"] == "after them"
    await process.stop()


async def test_a_second_hello_is_rejected(address: Address) -> None:
    async with person(address) as someone:
        await someone.send({"type": "hello", "token": someone.token})
        assert (await someone.receive("error"))["code"] == "invalid_request"


async def test_too_many_malformed_frames_close_the_socket(address: Address) -> None:
    async with person(address) as someone:
        for _ in range(20):
            await someone.send("{")
        assert await someone.closed() == code(Close.PROTOCOL)


async def test_a_frame_over_the_limit_closes_only_its_own_socket(address: Address) -> None:
    async with person(address) as someone, person(address) as other:
        await someone.send("x" * 1_000_000)
        assert await someone.closed() == 1009
        assert (await other.say("undisturbed"))["type"] == "ack"


@pytest.mark.parametrize(
    "token", ["nonsense", "6f1ed002-ab5e-4c2b-9f0c-6d2b1a0c7e11.secret", ".", "a b", "*.>"]
)
async def test_an_invalid_token_closes_the_socket_with_its_own_code(address: Address, token: str) -> None:
    async with raw_socket(address) as socket:
        await socket.send(json.dumps({"type": "hello", "token": token}))
        assert json.loads(await socket.recv())["code"] == "token_invalid"
        assert await close_code(socket) == code(Close.TOKEN_INVALID)


async def test_a_token_with_a_wrong_secret_is_rejected(address: Address) -> None:
    token = await token_of(address)
    async with raw_socket(address) as socket:
        await socket.send(
            json.dumps({"type": "hello", "token": token[:-1] + ("A" if token[-1] != "A" else "B")})
        )
        assert json.loads(await socket.recv())["code"] == "token_invalid"


async def test_the_first_frame_must_be_hello(address: Address) -> None:
    async with raw_socket(address) as socket:
        await socket.send('{"type":"leave"}')
        assert json.loads(await socket.recv())["code"] == "hello_required"
        assert await close_code(socket) == code(Close.HELLO_EXPECTED)


async def test_a_socket_without_a_hello_is_closed(tmp_path_factory: pytest.TempPathFactory) -> None:
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    async with portal_at(process.url, gateway_settings(hello_seconds=0.2)) as quick:
        async with raw_socket(quick.gateway) as socket:
            assert await close_code(socket) == code(Close.HELLO_EXPECTED)
    await process.stop()


async def test_a_reader_that_stops_reading_is_closed_without_delaying_others(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    async with portal_at(process.url, gateway_settings(outbox_bytes=262_144)) as small:
        token = await token_of(small.gateway)
        async with person(small.gateway) as sender, person(small.gateway, token) as stuck:
            stuck.socket.transport.pause_reading()
            acks, left = 0, False
            while not left:
                assert acks < 5_000, "the stuck reader was never closed"
                for n in range(acks, acks + AT_ONCE):
                    frame = {"type": "send", "clientId": f"{n}", "room": "general", "text": "x" * 4000}
                    await sender.send(frame)
                for _ in range(AT_ONCE):
                    while (await sender.receive("ack", "left"))["type"] != "ack":
                        left = True
                acks += AT_ONCE
            stuck.socket.transport.resume_reading()
            assert await stuck.closed() == code(Close.TOO_SLOW)
            async with person(small.gateway, token, since=0) as back:
                for _ in range(acks):
                    await back.receive("message")
    await process.stop()


async def test_everyone_gets_messages_in_the_same_order(address: Address) -> None:
    async with person(address) as one, person(address) as two, person(address) as witness:

        async def talk(someone: Person) -> None:
            for n in range(20):
                await someone.send({"type": "send", "clientId": f"{n}", "room": "general", "text": f"{n}"})

        await asyncio.gather(talk(one), talk(two))
        seen = [[(await p.receive("message"))["seq"] for _ in range(40)] for p in (one, two, witness)]
        assert seen[0] == seen[1] == seen[2] == sorted(seen[0])
