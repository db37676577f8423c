"""Rooms over HTTP and WebSocket: who gets which messages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from services.gateway.tests.kit.api_clients import Frame, Person, person, position_of
from services.gateway.tests.kit.portal import Portal, gateway_settings, serving
from services.gateway.tests.kit.rooms import RoomUser

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def people(portal: Portal, *names: str) -> AsyncIterator[list[tuple[Person, RoomUser]]]:
    """Open a socket for each of these people; the module's tests share a portal, so their names differ."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(person(portal.gateway)) for _ in names]
        yield [(one, RoomUser.of(portal.gateway, one)) for one in opened]


async def say(sender: Person, room: str, text: str) -> Frame:
    await sender.send({"type": "send", "clientId": text, "room": room, "text": text})
    while (reply := await sender.receive("ack", "error")).get("clientId") != text:
        pass
    return reply


async def heard(listener: Person, last: str) -> list[tuple[str, str]]:
    """All messages up to the one with the text ``last``: room and text."""
    found: list[tuple[str, str]] = []
    while not found or found[-1][1] != last:
        frame = await listener.receive("message")
        found.append((frame["room"], frame["text"]))
    return found


async def test_messages_of_a_room_go_to_its_members_only(portal: Portal) -> None:
    async with people(portal, "Ann", "Bob", "Eve") as ((ann, ann_http), (bob, bob_http), (eve, eve_http)):
        room = await ann_http.create("Salaries", private=True)
        assert (await ann.receive("room"))["role"] == "owner"
        await ann_http.act(f"/rooms/{room}/invite", {"users": [bob.welcome["user"]["id"]]})
        joined = await bob.receive("room")
        assert (joined["room"]["name"], joined["role"]) == ("Salaries", "member")
        assert (await say(ann, room, "secret"))["type"] == "ack"
        await say(ann, "general", "public")
        assert await heard(bob, "public") == [(room, "secret"), ("general", "public")]
        assert await heard(eve, "public") == [("general", "public")]
        assert (await say(eve, room, "let me in"))["code"] == "room_unknown"
        assert await bob_http.texts(room) == ["secret"]
        assert await eve_http.texts(room) == "room_unknown"
        rooms = (await eve_http.request("GET", "/rooms")).json()["rooms"]
        assert [view["room"]["id"] for view in rooms] == ["general"]


async def test_a_direct_room_says_who_is_in_it(portal: Portal) -> None:
    async with people(portal, "Ann", "Bob", "Eve") as ((ann, ann_http), (bob, bob_http), (eve, _)):
        users = sorted((one.welcome["user"] for one in (ann, bob, eve)), key=lambda user: user["id"])
        others = [user["id"] for user in users if user["id"] != ann.welcome["user"]["id"]]
        room = (await ann_http.request("POST", "/direct", json={"users": others})).json()["id"]
        for one in (ann, bob, eve):
            while (frame := await one.receive("room")).get("people") != users:
                pass
            assert (frame["room"]["id"], frame["members"]) == (room, 3)
        async with person(portal.gateway, bob.token) as again:
            assert [(view["people"], view["members"]) for view in again.welcome["rooms"]] == [(users, 3)]
        views = (await bob_http.request("GET", "/rooms")).json()["rooms"]
        assert [view["people"] for view in views if view["room"]["id"] == room] == [users]


async def test_whoever_is_removed_hears_nothing_from_then_on(portal: Portal) -> None:
    async with people(portal, "Ann", "Bob") as ((ann, ann_http), (bob, bob_http)):
        room = await ann_http.create("Incidents")
        await bob_http.act(f"/rooms/{room}/join")
        await say(ann, room, "one")
        await ann_http.act(f"/rooms/{room}/members/{bob.welcome['user']['id']}", method="DELETE")
        await say(ann, room, "two")
        await say(ann, "general", "end")
        assert await heard(bob, "end") == [(room, "one"), ("general", "end")]
        assert (await say(bob, room, "me?"))["code"] == "forbidden"


async def test_a_socket_of_several_rooms_gets_ascending_sequences(portal: Portal) -> None:
    """The client resumes from the last sequence, so none before it may come later."""
    async with people(portal, "Ann", "Bob") as ((ann, ann_http), (bob, bob_http)):
        rooms = ["general", *[await ann_http.create(f"room {number}") for number in range(3)]]
        for room in rooms[1:]:
            await bob_http.act(f"/rooms/{room}/join")
        for number in range(200):
            text = f"text {number}"
            await ann.send({"type": "send", "clientId": text, "room": rooms[number % 4], "text": text})
        sequences = [(await bob.receive("message"))["seq"] for _ in range(200)]
        assert sequences == sorted(sequences)


async def test_a_resume_brings_what_was_missed_in_the_own_rooms(portal: Portal) -> None:
    async with people(portal, "Ann", "Bob", "Eve") as ((ann, ann_http), (bob, bob_http), (eve, _)):
        room = await ann_http.create("Deploys")
        await bob_http.act(f"/rooms/{room}/join")
        start = await say(ann, "general", "start")
        position = position_of(bob.welcome)
        await bob.socket.close()
        await eve.socket.close()
        for text in ("one", "two"):
            await say(ann, room, text)
        await say(ann, "general", "end")
        since = {"epoch": position["epoch"], "timestamp": start["timestamp"]}
        async with person(portal.gateway, bob.token, since=start["seq"], position=since) as again:
            assert [view["room"]["id"] for view in again.welcome["rooms"]] == [room]
            assert await heard(again, "end") == [(room, "one"), (room, "two"), ("general", "end")]
        async with person(portal.gateway, eve.token, since=start["seq"], position=since) as again:
            assert again.welcome["rooms"] == []
            assert await heard(again, "end") == [("general", "end")]


async def test_heartbeats_say_up_to_where_a_quiet_client_has_everything(portal: Portal) -> None:
    async with people(portal, "Ann", "Bob") as ((ann, ann_http), (bob, _)):
        room = await ann_http.create("Salaries", private=True)
        async with serving(portal.url, gateway_settings(ping_seconds=0.2)) as address:
            async with person(address, bob.token, position={"heartbeats": True}) as listener:
                last = await say(ann, room, "secret")
                while (beat := await listener.receive("heartbeat", "message")).get("seq", 0) < last["seq"]:
                    assert beat["type"] == "heartbeat"


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/rooms", {"name": ""}, "name"),
        ("POST", "/rooms", {"name": "a" * 65}, "name"),
        ("POST", "/rooms", {"name": "x", "description": "a" * 501}, "description"),
        ("POST", "/direct", {"users": []}, "users"),
        ("POST", "/direct", {"users": [f"u{number}" for number in range(8)]}, "users"),
        ("POST", "/rooms/general/invite", {"users": ["no id!"]}, "users.0"),
    ],
)
async def test_bad_input_is_refused_with_the_field(
    portal: Portal, method: str, path: str, body: object, field: str
) -> None:
    async with person(portal.gateway) as ann:
        response = await RoomUser.of(portal.gateway, ann).request(method, path, json=body)
    assert response.status_code == 422
    assert response.json()["field"] == field


async def test_a_retry_with_the_same_key_creates_one_room(portal: Portal) -> None:
    async with people(portal, "Ann") as ((_, ann_http),):
        replies = await asyncio.gather(
            *(
                ann_http.request("POST", "/rooms", json={"name": "Once"}, headers={"Idempotency-Key": "k"})
                for _ in range(5)
            )
        )
        assert {reply.status_code for reply in replies} == {201}
        assert len({reply.json()["id"] for reply in replies}) == 1
        taken = await ann_http.request("POST", "/rooms", json={"name": "once"})
        assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
        direct = await ann_http.request("POST", "/direct", json={"users": ["nobody"]})
        assert (direct.status_code, direct.json()["code"]) == (404, "user_unknown")


async def test_without_a_name_nobody_has_rooms(portal: Portal) -> None:
    async with portal.gateway.requests() as client:
        assert (await client.get("/api/v1/chat/rooms")).json()["rooms"][0]["room"]["id"] == "general"
        refused = await client.post("/api/v1/chat/rooms", json={"name": "x"})
    assert (refused.status_code, refused.json()["code"]) in {(401, "unauthenticated"), (403, "forbidden")}
