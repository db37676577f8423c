"""Followed threads: the same on all devices, and a snapshot with later frames equals a new snapshot."""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from services.gateway.tests.kit.api_clients import Frame, Person, person
from services.gateway.tests.kit.portal import Portal
from services.gateway.tests.kit.rooms import RoomUser

pytestmark = pytest.mark.asyncio(loop_scope="module")
THREADS = {"threads": True}


@dataclass
class Device:
    """A client that keeps its counts, as the documentation says."""

    person: Person
    known: dict[str, Frame] = field(default_factory=dict)
    later: list[tuple[str, int]] = field(default_factory=list)

    @property
    def user_id(self) -> str:
        user_id: str = self.person.welcome["user"]["id"]
        return user_id

    async def load(self, http: RoomUser) -> None:
        found = (await http.request("GET", "/threads/unread")).json()
        for one in found["threads"]:
            self.put(one)

    def put(self, one: Frame) -> None:
        before = self.known.get(one["id"])
        if before is not None:
            same = (before["following"], before["read"]) == (one["following"], one["read"])
            if one["read"] < before["read"] or (same and one["asOf"] <= before["asOf"]):
                return
        later = [seq for thread, seq in self.later if thread == one["id"] and seq > one["asOf"]]
        self.known[one["id"]] = {**one, "unread": one["unread"] + len(later)}

    def on(self, frame: Frame) -> None:
        if frame["type"] == "threads":
            for one in frame["threads"]:
                self.put(one)
        elif frame["type"] == "message" and "thread" in frame and frame["user"]["id"] != self.user_id:
            thread, seq = frame["thread"], frame["seq"]
            self.later.append((thread, seq))
            if thread in self.known and seq > self.known[thread]["asOf"]:
                self.known[thread]["unread"] += 1

    async def until_message(self, seq: int) -> None:
        while (frame := await self.person.receive())["type"] != "message" or frame["seq"] != seq:
            self.on(frame)
        self.on(frame)

    def counts(self) -> dict[str, tuple[int, int]]:
        return {one["id"]: (one["read"], one["unread"]) for one in self.known.values() if one["following"]}


async def reply(sender: Person, thread: str, text: str) -> Frame:
    return await sender.request("send", text=text, thread=thread)


async def act(
    choose: random.Random, people: tuple[Person, Person], http: RoomUser, root: str, last: int
) -> int:
    """Do something in a thread; return the sequence of the new reply, or 0."""
    ann, bob = people
    path = f"/rooms/general/messages/{root}"
    match choose.choice(["reply", "reply", "own", "mention", "read", "follow", "stop"]):
        case "reply":
            return int((await reply(ann, root, "one"))["seq"])
        case "own":
            return int((await reply(bob, root, "own"))["seq"])
        case "mention":
            return int((await reply(ann, root, f"@{bob.welcome['user']['name']}"))["seq"])
        case "read" if last:
            await http.request("PUT", f"{path}/read", json={"seq": last})
        case "follow":
            await http.request("PUT", f"{path}/follow")
        case "stop":
            await http.request("DELETE", f"{path}/follow")
    return 0


def counts(found: Any) -> dict[str, tuple[int, int]]:
    return {one["id"]: (one["read"], one["unread"]) for one in found["threads"]}


@pytest.mark.parametrize("seed", range(3))
async def test_snapshot_and_frames_equal_a_new_snapshot(portal: Portal, seed: int) -> None:
    choose = random.Random(seed)
    async with (
        person(portal.gateway) as ann,
        person(portal.gateway, hello=THREADS) as bob,
        person(portal.gateway, bob.token, hello=THREADS) as phone,
        person(portal.gateway, bob.token) as writing,
    ):
        http = RoomUser.of(portal.gateway, bob)
        devices = [Device(bob), Device(phone)]
        roots = [
            (await one.say(f"root {number} {id(ann)}"))["id"]
            for number, one in enumerate([ann, writing, ann])
        ]
        for device in devices:
            await device.load(http)
        last = 0
        for _ in range(25):
            seq = await act(choose, (ann, writing), http, choose.choice(roots), last)
            last = max(last, seq)
        # A reply that mentions somebody changes their record, of which all devices get a frame.
        end = await reply(ann, roots[0], f"end @{bob.welcome['user']['name']}")
        for device in devices:
            await device.until_message(end["seq"])
        fresh = (await http.request("GET", "/threads/unread", params={"atLeast": end["seq"]})).json()
        expected = counts(fresh)
        assert roots[0] in expected
        for device in devices:
            while {one: device.counts().get(one) for one in expected} != expected:
                device.on(await device.person.receive())


async def test_what_one_device_reads_or_leaves_the_others_know(portal: Portal) -> None:
    async with (
        person(portal.gateway) as ann,
        person(portal.gateway, hello=THREADS) as bob,
        person(portal.gateway, bob.token, hello=THREADS) as phone,
        person(portal.gateway, bob.token) as older,
    ):
        http = RoomUser.of(portal.gateway, bob)
        root = (await bob.say(f"root {id(bob)}"))["id"]
        first, second = [(await reply(ann, root, text))["seq"] for text in ("one", "two")]
        followed = (await phone.receive("threads"))["threads"]
        assert [(one["id"], one["following"], one["unread"]) for one in followed] == [(root, True, 0)]
        path = f"/rooms/general/messages/{root}"
        read = (await http.request("PUT", f"{path}/read", json={"seq": first})).json()
        assert (read["read"], read["unread"]) == (first, 1)
        for device in (bob, phone):
            while (one := (await device.receive("threads"))["threads"][-1])["read"] != first:
                pass
            assert (one["id"], one["unread"]) == (root, 1)
        await http.request("DELETE", f"{path}/follow")
        for device in (bob, phone):
            while (one := (await device.receive("threads"))["threads"][-1])["following"]:
                pass
            assert one["id"] == root
        assert counts((await http.request("GET", "/threads/unread")).json()) == {}
        end = (await ann.say(f"end {root}"))["seq"]
        seen = [await older.receive()]
        while seen[-1].get("seq") != end:
            seen.append(await older.receive())
        assert second in {frame.get("seq") for frame in seen}
        assert "threads" not in {frame["type"] for frame in seen}, "it did not ask"


async def test_the_list_and_its_errors(portal: Portal) -> None:
    async with person(portal.gateway) as ann, person(portal.gateway) as bob:
        http = RoomUser.of(portal.gateway, ann)
        root = (await ann.say(f"root {id(ann)}"))["id"]
        last = await reply(bob, root, "one")
        await http.request("GET", "/threads/unread", params={"atLeast": last["seq"]})
        (found,) = (await http.request("GET", "/threads")).json()["threads"]
        assert (found["root"]["id"], found["last"]["text"], found["unread"]) == (root, "one", 1)
        assert found["root"]["replies"]["replies"] == 1
        cases = [
            ("PUT", f"/rooms/general/messages/{last['id']}/follow", None, "invalid_request"),
            ("PUT", "/rooms/general/messages/nothing/follow", None, "message_unknown"),
            ("PUT", f"/rooms/r-2ne4xyw7oqx5cqw5fmmqvxnz/messages/{root}/read", {"seq": 1}, "room_unknown"),
            ("PUT", f"/rooms/general/messages/{root}/read", {"seq": last["seq"] + 1000}, "invalid_request"),
            ("GET", "/threads?limit=51", None, "invalid_request"),
        ]
        for method, path, body, code in cases:
            refused = await http.request(method, path, json=body)
            assert refused.json()["code"] == code, (path, refused.text)
