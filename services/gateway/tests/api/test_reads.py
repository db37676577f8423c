"""Read positions: stored once, the same on all devices of a person, and what is unread follows from them."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from services.gateway.tests.kit.api_clients import Frame, Person, person
from services.gateway.tests.kit.portal import Portal
from services.gateway.tests.kit.rooms import RoomUser

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def say(sender: Person, text: str, room: str = "general") -> int:
    """Send a message and return its sequence."""
    reply = await sender.request("send", text, room=room, text=text)
    assert reply["type"] == "ack", reply
    seq: int = reply["seq"]
    return seq


async def read(reader: Person, seq: int, room: str = "general") -> None:
    await reader.send({"type": "read", "room": room, "seq": seq})


async def noticed(listener: Person, seq: int, room: str = "general") -> Frame:
    """Return the notice that ``room`` is read up to ``seq``."""
    while (frame := await listener.receive("read"))["room"] != room or frame["seq"] != seq:
        pass
    return frame


def state(unread: Frame, room: str = "general") -> dict[str, Any]:
    """Return what the server says about one room."""
    (found,) = [one for one in unread["rooms"] if one["room"] == room]
    return {key: found.get(key) for key in ("read", "unread", "mentions")}


async def test_a_position_is_the_same_on_all_devices(portal: Portal) -> None:
    async with person(portal.gateway) as ann, person(portal.gateway, unread=True) as bob:
        assert state(bob.welcome["unread"]) == {"read": None, "unread": 0, "mentions": 0}
        start = bob.welcome["seq"]
        async with person(portal.gateway, bob.token, unread=True) as phone:
            first, second, third = [await say(ann, f"text {number} {start}") for number in range(3)]
            await read(bob, first)
            for device in (bob, phone):
                notice = await noticed(device, first)
                assert (notice["unread"], notice["asOf"] >= third) in {(2, True), (1, False), (0, False)}
            await read(phone, third)
            await read(bob, second)
            for device in (bob, phone):
                assert (await noticed(device, third))["unread"] == 0
        async with person(portal.gateway, bob.token, unread=True) as tablet:
            assert state(tablet.welcome["unread"]) == {"read": third, "unread": 0, "mentions": 0}
        reply = await RoomUser.of(portal.gateway, bob).request("GET", "/unread")
        assert state(reply.json()) == {"read": third, "unread": 0, "mentions": 0}


async def test_own_messages_are_not_unread_and_those_of_others_are_counted(portal: Portal) -> None:
    async with person(portal.gateway) as ann, person(portal.gateway, unread=True) as bob:
        start = await say(bob, f"start {bob.welcome['user']['id']}")
        await read(bob, start)
        await noticed(bob, start)
        for number in range(3):
            await say(ann, f"other {number} {start}")
            await say(bob, f"own {number} {start}")
        async with person(portal.gateway, bob.token, unread=True) as phone:
            assert state(phone.welcome["unread"]) == {"read": start, "unread": 3, "mentions": 0}
            await read(phone, start)
            assert (await noticed(phone, start))["unread"] == 3, "a repeated position asks for the count"


async def test_a_count_that_is_asked_for_again_has_what_was_removed_before(portal: Portal) -> None:
    """Whichever chat process counts: it may not have seen the removal when it is asked."""
    async with person(portal.gateway) as ann, person(portal.gateway, unread=True) as bob:
        start = await say(bob, f"start {id(bob)}")
        await read(bob, start)
        await noticed(bob, start)
        for number in range(5):
            sent = await ann.request("send", text=f"{number} {start}")
            await ann.request("delete", id=sent["id"])
            while (frame := await bob.receive("removed"))["id"] != sent["id"]:
                pass
            await read(bob, start)
            notice = await noticed(bob, start)
            assert (notice["unread"], notice["asOf"] >= frame["seq"]) == (0, True)


async def test_a_new_client_gets_what_came_after_the_count(portal: Portal) -> None:
    """So the count and the messages that it adds are complete, however far behind the count was."""
    async with person(portal.gateway) as ann:
        token = None
        for round_ in range(5):
            sends = [
                asyncio.create_task(ann.send(_send(f"{round_} {number} {id(ann)}"))) for number in range(20)
            ]
            async with person(portal.gateway, token, unread=True) as bob:
                token = bob.token
                await asyncio.gather(*sends)
                as_of, counted = bob.welcome["unread"]["asOf"], state(bob.welcome["unread"])
                last = await say(ann, f"last {round_} {id(ann)}")
                seen: set[int] = set()
                while last not in seen:
                    seen.add((await bob.receive("message"))["seq"])
                if counted["read"] is None:
                    await read(bob, as_of)
                    await noticed(bob, as_of)
                    continue
                expected = counted["unread"] + len([seq for seq in seen if seq > as_of])
                reply = (await RoomUser.of(portal.gateway, bob).request("GET", "/unread")).json()
                assert state(reply)["unread"] == expected


def _send(text: str) -> Frame:
    return {"type": "send", "clientId": text, "room": "general", "text": text}


async def test_whoever_joins_a_room_has_read_what_was_said_before(portal: Portal) -> None:
    async with person(portal.gateway) as ann, person(portal.gateway, unread=True) as bob:
        http = RoomUser.of(portal.gateway, ann)
        room = await http.create(f"Salaries {bob.welcome['user']['id'][:8]}", private=True)
        await say(ann, f"before {room}", room)
        denied = await RoomUser.of(portal.gateway, bob).request("PUT", f"/rooms/{room}/read", json={"seq": 1})
        assert denied.json()["code"] == "room_unknown"
        await http.act(f"/rooms/{room}/invite", {"users": [bob.welcome["user"]["id"]]})
        joined = await bob.receive("read")
        assert (joined["room"], joined["unread"]) == (room, 0)
        seq = await say(ann, f"after {room}", room)
        async with person(portal.gateway, bob.token, unread=True) as phone:
            assert state(phone.welcome["unread"], room)["unread"] == 1
        reply = await RoomUser.of(portal.gateway, bob).request(
            "PUT", f"/rooms/{room}/read", json={"seq": seq}
        )
        assert state(reply.json(), room) == {"read": seq, "unread": 0, "mentions": 0}
        assert (await noticed(bob, seq, room))["unread"] == 0


async def test_a_position_after_the_last_message_is_refused(portal: Portal) -> None:
    async with person(portal.gateway) as ann:
        user, last = RoomUser.of(portal.gateway, ann), await say(ann, f"last {id(ann)}")
        reply = await user.request("PUT", "/rooms/general/read", json={"seq": last + 1000})
        assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
        assert "after the last message" in reply.json()["detail"]


async def test_many_positions_become_few_writes(portal: Portal) -> None:
    async with person(portal.gateway) as ann, person(portal.gateway, unread=True) as bob:
        sequences = [await say(ann, f"m{number} {id(bob)}") for number in range(30)]
        for seq in [*sequences[:-1], sequences[0], sequences[-1]]:
            await read(bob, seq)
        notices: list[int] = []
        while sequences[-1] not in notices:
            notices.append((await bob.receive("read"))["seq"])
        assert notices == sorted(set(notices))
        assert len(notices) <= 3


async def test_a_client_that_did_not_ask_gets_no_notices(portal: Portal) -> None:
    async with person(portal.gateway) as ann, person(portal.gateway, unread=True) as bob:
        assert "unread" not in ann.welcome
        async with person(portal.gateway, bob.token) as older:
            seq = await say(ann, f"read this {id(bob)}")
            await read(bob, seq)
            await noticed(bob, seq)
            await say(ann, f"end {id(bob)}")
            types: list[Frame] = []
            while not types or types[-1]["type"] != "message" or types[-1]["text"] != f"end {id(bob)}":
                types.append(await older.receive("message", "read"))
            assert "read" not in {frame["type"] for frame in types}


async def test_mentions_are_counted_for_those_they_name(portal: Portal) -> None:
    name = f"carl-{uuid4().hex[:8]}"
    async with person(portal.gateway) as ann, person(portal.gateway, name=name, unread=True) as carl:
        http = RoomUser.of(portal.gateway, ann)
        room = await http.create(f"Mentions {name}", private=True)
        await http.act(f"/rooms/{room}/invite", {"users": [carl.welcome["user"]["id"]]})
        await carl.receive("read")
        await say(ann, f"hi @{name}, and `@{name}`", room)
        await say(ann, "hi @somebody", room)
        await say(ann, "@room: dinner", room)
        await carl.send({**_send(f"@{name} @room"), "room": room})
        frames = [await carl.receive("message") for _ in range(4)]
        assert [frame.get("mentions") for frame in frames] == [
            {"users": [carl.welcome["user"]["id"]]},
            None,
            {"users": [], "everybody": True},
            {"users": [], "everybody": True},
        ]
        reply = await RoomUser.of(portal.gateway, carl).request("GET", "/unread")
        assert state(reply.json(), room) | {"read": 0} == {"read": 0, "unread": 3, "mentions": 2}
        reply = await http.request("GET", f"/rooms/{room}/messages")
        assert reply.json()["messages"][0]["mentions"] == {"users": [carl.welcome["user"]["id"]]}


async def test_a_flood_of_mentions_ends(portal: Portal) -> None:
    async with person(portal.gateway) as ann:
        room = await RoomUser.of(portal.gateway, ann).create(f"Flood {id(ann)}")
        for number in range(8):
            await ann.send({**_send(f"@room {number}"), "room": room})
        messages = [await ann.receive("message") for _ in range(8)]
        assert 4 <= len([one for one in messages if "mentions" in one]) <= 5
