"""Attacks on a private room: by each request, frame, list and replay of somebody who is not in it."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from opsroom_testkit.waiting import until_answer
from services.gateway.tests.attacks.secret_room import DOORS, Door, SecretRoom, outcome, secret_room
from services.gateway.tests.files.kit import Sharer, sharer
from services.gateway.tests.kit.api_clients import Frame, Person, person
from services.gateway.tests.kit.course_clients import course_client
from services.gateway.tests.kit.portal import Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENERAL = {"ROOM": "general"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(portal: Portal) -> AsyncIterator[dict[str, Sharer]]:
    """The owner, somebody who was removed from the room, and somebody who never was in it."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(sharer(portal.gateway))
            for name in ("owner", "removed", "stranger")
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def secret(people: dict[str, Sharer]) -> SecretRoom:
    """The room, after one of its members was removed."""
    room = await secret_room(people["owner"], people["removed"])
    await people["owner"].http.act(f"/rooms/{room.room}/members/{people['removed'].user_id}", method="DELETE")
    return room


def token_of(people: dict[str, Sharer], who: str) -> str | None:
    """Return the token of one of ``people``; None: without one."""
    return people[who].http.token if who in people else None


@pytest.mark.parametrize("who", ["stranger", "removed", "nobody"])
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
async def test_a_request_is_refused_as_if_the_room_did_not_exist(
    portal: Portal, people: dict[str, Sharer], secret: SecretRoom, who: str, door: Door
) -> None:
    """Defense: each request checks membership when it reads, and all refusals have the same words."""
    token = token_of(people, who)
    pairs = [(secret.ids, secret.absent())]
    if "MESSAGE" in f"{door.path} {door.body}":  # an id from elsewhere, in a room that everybody reads
        pairs.append((secret.ids | GENERAL, secret.absent() | GENERAL))
    for real, absent in pairs:
        response = await door.knock(portal.gateway, token, real)
        assert response.status_code >= 400, response.text
        seen = outcome(response, real)
        assert seen == outcome(await door.knock(portal.gateway, token, absent), absent)
        assert secret.word not in seen[1]


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
async def test_the_owner_is_let_in_or_refused_for_another_reason(
    portal: Portal, people: dict[str, Sharer], door: Door
) -> None:
    """Otherwise the test above would prove nothing."""
    room = await secret_room(people["owner"], people["stranger"])
    await until_answer(
        lambda: DOORS["the search in the room"].knock(portal.gateway, people["owner"].http.token, room.ids),
        lambda found: bool(found.json().get("messages")),
    )
    real = await door.knock(portal.gateway, people["owner"].http.token, room.ids)
    absent = await door.knock(portal.gateway, people["owner"].http.token, room.absent())
    assert outcome(real, room.ids) != outcome(absent, room.absent())


FRAMES: dict[str, Frame] = {
    "send": {"text": "x"},
    "a reply": {"type": "send", "text": "x", "thread": "MESSAGE"},
    "a file": {"type": "send", "room": "general", "text": "", "files": ["FILE"]},
    "edit": {"id": "MESSAGE", "text": "x"},
    "delete": {"id": "MESSAGE"},
    "react": {"id": "MESSAGE", "emoji": "\N{THUMBS UP SIGN}", "on": True},
    "pin": {"id": "MESSAGE", "on": True},
}
"""Frames about the room; each is of the type that its key says, unless it has one."""


@pytest.mark.parametrize("who", ["stranger", "removed"])
@pytest.mark.parametrize("kind", FRAMES)
async def test_a_frame_is_refused_as_if_the_room_did_not_exist(
    people: dict[str, Sharer], secret: SecretRoom, who: str, kind: str
) -> None:
    async def refusal(ids: dict[str, str]) -> Frame:
        text = json.dumps({"type": kind, "room": "ROOM", **FRAMES[kind], "clientId": "c"})
        for word, value in ids.items():
            text = text.replace(word, value)
        await people[who].socket.send(text)
        reply = await people[who].socket.receive("ack", "error")
        shown = json.dumps(reply)
        for word, value in ids.items():
            shown = shown.replace(value, word)
        return dict(json.loads(shown))

    real = await refusal(secret.ids)
    assert real["type"] == "error"
    assert real == await refusal(secret.absent())


async def everything(owner: Sharer, room: SecretRoom) -> None:
    """Do in the room whatever makes frames."""
    http, about = owner.http, {"room": room.room, "id": room.root}
    sent = await owner.socket.request("send", room=room.room, text=f"{room.word} more")
    await owner.socket.request("edit", room=room.room, id=sent["id"], text=f"{room.word} changed")
    await owner.socket.request("react", emoji="\N{PARTY POPPER}", on=True, **about)
    await owner.socket.request("pin", on=False, **about)
    await owner.socket.request("delete", room=room.room, id=sent["id"])
    await owner.socket.send({"type": "typing", "room": room.room})
    await owner.socket.send({"type": "read", "room": room.room, "seq": sent["seq"]})
    for change in ({"description": room.word}, {"archived": True}, {"archived": False}):
        assert (await http.request("PATCH", f"/rooms/{room.room}", json=change)).status_code == 200


async def until_marker(listener: Person, owner: Sharer) -> list[Frame]:
    """Return all frames up to a message that everybody gets."""
    marker = await owner.socket.request("send", text="everybody may read this")
    frames = [await listener.receive()]
    while frames[-1].get("id") != marker["id"]:
        frames.append(await listener.receive())
    return frames


async def test_nothing_of_the_room_arrives_at_sockets_of_others(
    portal: Portal, people: dict[str, Sharer], secret: SecretRoom
) -> None:
    """Defense: frames go to the members of their room only, live and when a client resumes."""
    owner = people["owner"]
    async with (
        serving(portal.url, gateway_settings(ring_messages=1)) as without_buffer,
        person(portal.gateway) as stranger,
        person(without_buffer) as far_stranger,
        person(portal.gateway, people["removed"].http.token, unread=True) as removed,
        course_client(portal.gateway, "course") as course,
    ):
        await everything(owner, secret)
        for listener in (stranger, far_stranger, removed):
            assert secret.seen_in(listener.welcome) == []
            assert secret.seen_in(await until_marker(listener, owner)) == []
        assert secret.seen_in(str(await course.until_own_message())) == []
        for address in (portal.gateway, without_buffer):
            for token in (stranger.token, people["removed"].http.token):
                for since in (0, secret.seq - 1):
                    async with person(address, token, since=since, unread=True) as back:
                        assert secret.seen_in(back.welcome) == []
                        assert secret.seen_in(await until_marker(back, owner)) == []


async def test_the_same_frames_arrive_at_a_member(portal: Portal, people: dict[str, Sharer]) -> None:
    """Otherwise the test above would prove nothing."""
    owner = people["owner"]
    async with person(portal.gateway) as member:
        room = await secret_room(owner)
        await owner.http.act(f"/rooms/{room.room}/invite", {"users": [member.welcome["user"]["id"]]})
        await everything(owner, room)
        frames = await until_marker(member, owner)
        assert {"message", "edited", "reaction", "pinned", "removed", "room"} <= {
            one["type"] for one in frames
        }
        assert room.seen_in(frames)


async def test_typing_and_reading_in_the_room_of_others_has_no_effect(
    portal: Portal, people: dict[str, Sharer], secret: SecretRoom
) -> None:
    owner, stranger = people["owner"], people["stranger"]
    async with person(portal.gateway, owner.http.token) as listener:
        await stranger.socket.send({"type": "typing", "room": secret.room})
        await stranger.socket.send({"type": "read", "room": secret.room, "seq": secret.seq})
        marker = await stranger.socket.request("send", text="and on")
        frames = [await listener.receive()]
        while frames[-1].get("id") != marker["id"]:
            frames.append(await listener.receive())
        assert [one for one in frames if one.get("room") == secret.room] == []
    unread = (await stranger.http.request("GET", "/unread")).json()
    assert secret.room not in {one["room"] for one in unread["rooms"]}


LISTS = (
    "/chat/rooms",
    "/chat/rooms?limit=1",
    "/chat/unread",
    "/chat/users",
    "/session",
    "/search?q=WORD",
    "/search?q=%22WORD%20root%22",
    "/search?q=root%20from:OWNER",
    "/search?q=from:OWNER%20has:file",
    "/search?q=txt%20has:file",
    "/search?q=root&limit=1",
    "/status",
)
"""Lists and searches that are not about the room, but could have something of it."""


@pytest.mark.parametrize("who", ["stranger", "removed", "nobody"])
@pytest.mark.parametrize("path", LISTS)
async def test_no_list_has_anything_of_the_room(
    portal: Portal, people: dict[str, Sharer], secret: SecretRoom, who: str, path: str
) -> None:
    ids = secret.ids | {"WORD": secret.word}
    owner = people["owner"]
    await until_answer(
        lambda: Door("GET", "/search?q=WORD").knock(portal.gateway, owner.http.token, ids),
        lambda found: len(found.json().get("messages", ())) >= 2,
    )
    response = await Door("GET", path).knock(portal.gateway, token_of(people, who), ids)
    assert secret.seen_in(response.text.replace(f'"{secret.word}"', "")) == []


async def test_a_cursor_of_a_member_opens_nothing_to_others(
    portal: Portal, people: dict[str, Sharer], secret: SecretRoom
) -> None:
    """Defense: a cursor is a place, and what is at it is checked for each reader."""
    owner, ids = people["owner"], secret.ids | {"WORD": secret.word}

    async def search(token: str, cursor: str = "") -> dict[str, Any]:
        response = await Door("GET", f"/search?q=WORD&limit=1{cursor}").knock(portal.gateway, token, ids)
        assert response.status_code == 200, response.text
        return dict(response.json())

    page = await until_answer(lambda: search(owner.http.token), lambda found: "next" in found)
    assert (await search(owner.http.token, f"&cursor={page['next']}"))["messages"]
    for who in ("stranger", "removed"):
        assert (await search(people[who].http.token, f"&cursor={page['next']}"))["messages"] == []


async def test_who_was_removed_can_not_go_on_with_what_they_had(
    portal: Portal, people: dict[str, Sharer], secret: SecretRoom
) -> None:
    """Defense: nothing is remembered of an earlier permission: not for a file, nor for a range of it."""
    removed = people["removed"]
    etag = (await people["owner"].get(secret.file)).headers["etag"]
    for headers in ({"Range": "bytes=0-9"}, {"If_None_Match": etag}, {"Range": "bytes=5-", "If_Range": etag}):
        response = await removed.get(secret.file, **headers)
        assert (response.status_code, response.json()["code"]) == (404, "file_unknown")
        assert "etag" not in response.headers


async def test_a_file_is_its_uploader_s_until_it_is_sent(people: dict[str, Sharer]) -> None:
    """Defense: the id of a file that is not sent yet is of no use to anybody else, not even in the room."""
    owner, stranger = people["owner"], people["stranger"]
    room = await secret_room(owner, stranger)
    waiting = await owner.upload(b"not yet", room=room.room)
    assert (await stranger.get(waiting["id"])).json()["code"] == "file_unknown"
    taken = await stranger.socket.request("send", room=room.room, text="mine", files=[waiting["id"]])
    assert taken["code"] == "file_unknown"
    moved = await owner.socket.request("send", text="to all", files=[waiting["id"]])
    assert moved["code"] == "file_unknown", "a file is of the room that it was uploaded for"


async def test_a_mention_reaches_members_only(
    portal: Portal, people: dict[str, Sharer], secret: SecretRoom
) -> None:
    """Defense: the people of a room alone are mentioned; a name of somebody else is only text."""
    owner, stranger = people["owner"], people["stranger"]
    name = stranger.socket.welcome["user"]["name"]
    before = (await stranger.http.request("GET", "/unread")).json()["rooms"]
    text = f"{secret.word} @{name} @room @here"
    await owner.socket.request("send", room=secret.room, text=text)
    path = f"/rooms/{secret.room}/messages?limit=1"
    (message,) = (await owner.http.request("GET", path)).json()["messages"]
    assert (message["text"], message.get("mentions", {}).get("users", [])) == (text, [])
    after = (await stranger.http.request("GET", "/unread")).json()["rooms"]
    assert [(one["room"], one["mentions"]) for one in after] == [
        (one["room"], one["mentions"]) for one in before
    ]
