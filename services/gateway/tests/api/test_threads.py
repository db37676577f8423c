"""Threads: replies to a message, which the room shows only if they are broadcast."""

import pytest

from services.gateway.tests.kit.api_clients import Frame, Person, person
from services.gateway.tests.kit.portal import Portal
from services.gateway.tests.kit.rooms import RoomUser

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def reply(sender: Person, thread: str, text: str, **more: object) -> Frame:
    return await sender.request("send", f"{text} {thread}", text=text, thread=thread, **more)


async def read_thread(user: RoomUser, thread: str, **query: object) -> Frame:
    response = await user.request("GET", f"/rooms/general/messages/{thread}/thread", params=query)
    found: Frame = response.json()
    return found


def texts(thread: Frame) -> list[str]:
    return [one["text"] for one in thread["replies"]]


async def test_a_thread_has_its_replies_and_the_room_those_that_are_broadcast(portal: Portal) -> None:
    async with person(portal.gateway) as ann, person(portal.gateway, unread=True) as bob:
        http = RoomUser.of(portal.gateway, bob)
        root = (await ann.say(f"root {id(ann)}"))["id"]
        await bob.send({"type": "read", "room": "general", "seq": (await bob.receive("message"))["seq"]})
        await bob.receive("read")
        for number in range(4):
            assert (await reply(ann, root, f"reply {number}"))["type"] == "ack"
        assert (await reply(ann, root, "for all", broadcast=True))["type"] == "ack"
        frames = [await bob.receive("message") for _ in range(5)]
        assert [frame.get("broadcast") for frame in frames] == [None] * 4 + [True]
        assert {frame["thread"] for frame in frames} == {root}
        thread = await read_thread(http, root)
        assert (thread["root"]["id"], texts(thread)) == (
            root,
            ["reply 0", "reply 1", "reply 2", "reply 3", "for all"],
        )
        last = await read_thread(http, root, limit=2)
        before = await read_thread(http, root, limit=2, before=last["next"])
        assert (texts(last), texts(before)) == (["reply 3", "for all"], ["reply 1", "reply 2"])
        room = (await http.request("GET", "/rooms/general/messages")).json()["messages"]
        assert [one["text"] for one in room if one.get("thread") == root] == ["for all"]
        (shown,) = [one for one in room if one["id"] == root]
        assert shown["replies"] == {
            "replies": 5,
            "last": thread["replies"][-1]["seq"],
            "participants": [ann.welcome["user"]],
        }
        unread = (await http.request("GET", "/unread")).json()
        assert unread["rooms"][0]["unread"] == 1, "only what the room shows"


async def test_replies_are_edited_and_deleted_like_other_messages(portal: Portal) -> None:
    async with person(portal.gateway) as ann:
        http = RoomUser.of(portal.gateway, ann)
        root = (await ann.say(f"root {id(ann)}"))["id"]
        first, second = [(await reply(ann, root, text))["id"] for text in ("one", "two")]
        await ann.request("edit", f"edit {root}", id=first, text="changed")
        await ann.request("delete", f"delete {root}", id=second)
        thread = await read_thread(http, root)
        assert texts(thread) == ["changed"]
        assert thread["root"]["replies"]["replies"] == 1


@pytest.mark.parametrize("case", ["unknown", "reply", "removed", "other room"])
async def test_what_can_have_no_replies_is_refused(portal: Portal, case: str) -> None:
    async with person(portal.gateway) as ann:
        root = (await ann.say(f"root {case}"))["id"]
        room = "general"
        match case:
            case "unknown":
                thread = "nothing"
            case "reply":
                thread = (await reply(ann, root, "one"))["id"]
            case "removed":
                thread = root
                await ann.request("delete", f"delete {root}", id=root)
            case _:
                thread, room = root, await RoomUser.of(portal.gateway, ann).create(f"Other {root}")
        refused = await ann.request("send", f"{case} {root}", room=room, text="hi", thread=thread)
        expected = "invalid_request" if case == "reply" else "message_unknown"
        assert refused["code"] == expected, refused


async def test_only_replies_are_broadcast(portal: Portal) -> None:
    async with person(portal.gateway) as ann:
        refused = await ann.request("send", text="hi", broadcast=True)
        assert (refused["code"], refused["field"]) == ("invalid_request", "broadcast")


async def test_a_program_replies_over_http(portal: Portal) -> None:
    async with person(portal.gateway) as ann:
        http = RoomUser.of(portal.gateway, ann)
        root = (await ann.say(f"root {id(ann)}"))["id"]
        body = {"text": "one", "thread": root}
        assert (await http.request("POST", "/rooms/general/messages", json=body)).status_code == 201
        assert texts(await read_thread(http, root)) == ["one"]
        body = {"text": "two", "thread": "nothing"}
        assert (await http.request("POST", "/rooms/general/messages", json=body)).status_code == 404


async def test_a_retry_of_a_reply_is_harmless_although_its_thread_was_removed(portal: Portal) -> None:
    async with person(portal.gateway) as ann:
        root = (await ann.say(f"root {id(ann)}"))["id"]
        first = await reply(ann, root, "one")
        await ann.request("delete", f"delete {root}", id=root)
        again = await reply(ann, root, "one")
        assert (again["type"], again["seq"], again["duplicate"]) == ("ack", first["seq"], True)


async def test_a_thread_of_a_private_room_is_for_its_members(portal: Portal) -> None:
    async with person(portal.gateway) as ann, person(portal.gateway) as eve:
        http = RoomUser.of(portal.gateway, ann)
        room = await http.create(f"Salaries {id(ann)}", private=True)
        root = (await ann.request("send", f"root {room}", room=room, text="secret"))["id"]
        path = f"/rooms/{room}/messages/{root}/thread"
        assert (await http.request("GET", path)).json()["root"]["text"] == "secret"
        refused = await RoomUser.of(portal.gateway, eve).request("GET", path)
        assert refused.json()["code"] == "room_unknown"
