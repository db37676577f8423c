"""Streams that are recreated, purged or restored under running processes: all readers start over.

Nothing acknowledged stays unshown, no list has ghosts, and no name is held twice.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opsroom_contracts.subjects import CHAT_STREAM, CLOUD_STREAM, MEMBERS_STREAM
from services.gateway.tests.kit.api_clients import Frame, created, events, person, position_of, token_of
from services.gateway.tests.kit.course_clients import course_client, register
from services.gateway.tests.kit.portal import serving
from services.gateway.tests.kit.replaced_streams import (
    RESTORED,
    WAYS,
    LivingPortal,
    living_portal,
    until_seen,
)

MESSAGES = "/api/v1/chat/rooms/general/messages"
INSTANCES = "/api/v1/cloud/instances"
NAME_LOST = 4003


@pytest.fixture(params=WAYS)
async def living(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LivingPortal]:
    async with living_portal(tmp_path, request.param) as portal:
        yield portal


async def texts(living: LivingPortal, up_to: int) -> list[str]:
    async with living.address.requests() as client:
        page = (await client.get(MESSAGES, params={"before": up_to + 1})).json()
    return [message["text"] for message in page["messages"]]


async def instances(living: LivingPortal) -> Frame:
    async with living.address.requests() as client:
        listed: Frame = (await client.get(INSTANCES)).json()
    return listed


async def test_readers_of_messages(living: LivingPortal) -> None:
    async with (
        person(living.address) as reader,
        person(living.address) as talker,
        course_client(living.address, "course") as course,
    ):
        kept = [await talker.say(f"kept {number}") for number in range(3)]
        await living.back_up(CHAT_STREAM)
        old = [await talker.say(f"lost {number}") for number in range(3)]
        await living.replace(CHAT_STREAM)
        acknowledged = [await talker.say(f"new {number}") for number in range(10)]
        assert {reply["type"] for reply in acknowledged} == {"ack"}
        reset = await reader.receive("reset")
        shown = await texts(living, up_to=reset["seq"])
        await talker.say("live")
        while "live" not in shown:
            shown.append((await reader.receive("message"))["text"])
        restored = [f"kept {number}" for number in range(3)] if living.way == RESTORED else []
        expected = [f"new {number}" for number in range(10)] + ["live"]
        assert shown == restored + expected
        relayed = [json.loads(await course.message())["message"] for _ in range(len(kept + old + expected))]
        assert relayed[6:] == expected
        await resuming_gets_a_reset(living, reader.token, old[-1], reader.welcome["epoch"])
        if living.way == RESTORED:  # a reader that had seen nothing of what was lost
            known = position_of(kept[1]) | {"epoch": reset["epoch"]}
            async with person(living.address, reader.token, since=kept[1]["seq"], position=known) as back:
                assert (await back.receive("message", "reset"))["text"] == "kept 2"


async def test_read_positions(living: LivingPortal) -> None:
    """Those of the stream before count no more, however high they were, and clients get new counts."""

    async def noticed(seq: int) -> Frame:
        while (notice := await reader.receive("read"))["seq"] != seq:
            pass
        return notice

    async with person(living.address) as talker, person(living.address, unread=True) as reader:
        await talker.say("kept")
        await living.back_up(CHAT_STREAM)
        (*_, last) = [await talker.say(f"lost {number}") for number in range(5)]
        await reader.send({"type": "read", "room": "general", "seq": last["seq"]})
        await noticed(last["seq"])
        await living.replace(CHAT_STREAM)
        await talker.say("first")
        reset = await reader.receive("reset")
        counted = await reader.receive("read")
        assert counted["room"] == "general"
        assert counted.get("asOf", counted["seq"]) >= reset["seq"]
        # The records of positions are not restored here, so those of the backup's epoch are still higher.
        more = 8 if living.way == RESTORED else 1
        (*_, second) = [await talker.say(f"more {number}") for number in range(more)]
        await reader.send({"type": "read", "room": "general", "seq": second["seq"]})
        assert (await noticed(second["seq"]))["unread"] == 0


async def resuming_gets_a_reset(living: LivingPortal, token: str, last: Frame, epoch: str) -> None:
    """Resume after a message that no longer exists, at the living gateway and at a new one."""
    position = position_of(last) | {"epoch": epoch}
    async with serving(living.process.url) as fresh:
        for address in (living.address, fresh):
            async with person(address, token, since=last["seq"], position=position) as back:
                reset = await back.receive("message", "reset")
                assert reset["type"] == "reset"
            assert position_of(reset).keys() == {"epoch", "timestamp"}
            async with person(address, token, since=reset["seq"], position=position_of(reset)) as again:
                await again.send({"type": "send", "clientId": "1", "room": "general", "text": "after"})
                frame = await again.receive("message", "reset", "ack")
                assert frame["type"] != "reset"


async def test_readers_of_servers(living: LivingPortal) -> None:
    async with (
        living.address.requests() as client,
        events(living.address) as reader,
        client.stream("GET", "/cloud/sse") as course,
    ):
        kept = await created(client, reader)
        await living.back_up(CLOUD_STREAM)
        ghost = await created(client, reader)
        old = await instances(living)
        await living.replace(CLOUD_STREAM)
        expected = {kept} if living.way == RESTORED else set()
        while (await reader.next())["event"] != "reset":
            pass
        listed = await instances(living)
        assert {one["id"] for one in listed["instances"]} == expected
        assert {one["id"] for one in (await client.get("/cloud")).json()} == expected
        await removed_for_course_readers(course.aiter_lines(), {kept, ghost} - expected)
        new = {await created(client, reader) for _ in range(3)}
        async with serving(living.process.url) as fresh, fresh.requests() as other:
            in_order = (await other.get(INSTANCES)).json()["instances"]
            assert {one["id"] for one in in_order} == expected | new
            assert (await instances(living))["instances"] == in_order
            for address in (living.address, fresh):
                async with events(address, since=old["seq"], position=position_of(old)) as back:
                    assert (await back.next())["event"] == "reset"
        async with events(living.address, since=listed["seq"], position=position_of(listed)) as back:
            assert (await back.next())["event"] == "change"


async def removed_for_course_readers(lines: AsyncIterator[str], ghosts: set[str]) -> None:
    """Read the course's event stream until it has removed all ``ghosts``."""
    gone: set[str] = set()
    async for line in lines:
        if line.startswith("data: "):
            event = json.loads(line.removeprefix("data: "))
            if event["type"] == "removed":
                gone.add(event["id"])
        if gone == ghosts:
            return


async def test_lists_of_people(living: LivingPortal) -> None:
    async def names() -> list[str]:
        async with living.address.requests() as client:
            users = (await client.get("/api/v1/chat/users")).json()["users"]
        return sorted(user["name"] for user in users)

    token = await token_of(living.address, "Ann")
    await living.back_up(MEMBERS_STREAM)
    async with person(living.address, token) as ann:  # the backup has the record without the connection
        async with person(living.address, name="Bob") as bob, course_client(living.address, "c") as carl:
            await register(living.address, "c", "Carl")
            await carl.listed("Ann", "Bob", "Carl")
            await living.replace(MEMBERS_STREAM)
            expected = ["Ann", "Carl"] if living.way == RESTORED else ["Carl"]
            await until_seen(names, expected)
            assert await bob.closed() == NAME_LOST  # the token is gone with the record
            if living.way == RESTORED:
                assert (await ann.say("still here"))["type"] == "ack"
            else:
                assert await ann.closed() == NAME_LOST
            async with person(living.address, name="Bob") as again:
                assert (await again.say("again"))["type"] == "ack"
                await until_seen(names, sorted([*expected, "Bob"]))
                async with living.address.requests() as client:
                    taken = await client.post("/api/v1/chat/users", json={"name": "bob"})
                assert taken.status_code == 409
            await carl.send({"type": "send", "message": "hi", "user": {"name": "Carl"}})
            assert json.loads(await carl.message())["message"]
