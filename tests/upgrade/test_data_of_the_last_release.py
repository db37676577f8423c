"""Today's portal on the data of an older release: nothing is lost, nothing is done twice, and work goes on.

``README.md`` says how the data was made.
"""

import json
import re
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from opsroom_messaging.client.connection import connect
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.ports import free_port
from opsroom_testkit.processes import ready, service
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import close_code, events, person, raw_socket, token_of
from services.gateway.tests.kit.course_clients import course_client, register
from services.gateway.tests.kit.portal import Address
from tests.upgrade.people import say
from tests.upgrade.portal_view import admin, bearer, listed, served, settings
from tests.upgrade.retries import command_again, request_again, send_again

Json = Any

RELEASES = sorted(path.name.split(".")[0] for path in Path(__file__).parent.glob("data-*.tar.xz"))
ADDED = frozenset(
    {
        *("instance", "reason", "reasonCode", "name", "labels", "provider", "protected", "condition"),
        *("devices", "credential"),
    }
)
"""Fields that later releases added to what is served: to servers, their events, operations and sessions."""
NEW_ACTIONS = frozenset({"see_logs", "manage_people", "manage_hooks", "manage_on_call"})
"""Actions of users that later releases added."""
UNREADABLE = re.compile("skipped|malformed")
"""Words of the log lines about stored data that can't be read."""
PLANTED = re.compile(r"Invalid JSON|chat\.members\.garbage")
"""The data that no release can read; the script that made the data stored it, too."""
READER = "Ann"


class Upgraded:
    """Today's processes on the data of ``release``, unpacked into ``folder``."""

    def __init__(self, folder: Path, release: str) -> None:
        here = Path(__file__).parent
        self.record = json.loads((here / f"{release}.json").read_text(encoding="utf-8"))
        self.served: dict[str, Json] = self.record["served"]
        self.tokens: dict[str, str] = self.record["made"]["tokens"]
        with tarfile.open(here / f"{release}.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        self._folder = folder
        self.broker = GuardedBroker(folder)

    @asynccontextmanager
    async def gateway_alone(self) -> AsyncIterator[Address]:
        """Run the broker and a gateway. Without the services nothing changes what the streams hold."""
        async with AsyncExitStack() as stack:
            await self.broker.start()
            stack.push_async_callback(self.broker.stop)
            port = free_port()
            await self._start(stack, "gateway", GATEWAY_PORT=str(port))
            await ready(port, status=503)
            assert self.unreadable() == []
            yield Address(port)

    @asynccontextmanager
    async def portal(self) -> AsyncIterator[Address]:
        """The same with the services, two cloud processes among them."""
        async with self.gateway_alone() as address, AsyncExitStack() as stack:
            for name in ("cloud", "chat"):
                await self._start(stack, name)
            await ready(address.port)
            assert self.unreadable() == []
            await self._start(stack, "cloud")
            yield address
            assert self.unreadable() == []
            assert self.broker.refusals() == []

    def unreadable(self) -> list[str]:
        """Return what the processes have logged about stored data that they can't read."""
        logs = [log.read_text(encoding="utf-8") for log in self._folder.glob("*-*.log")]
        lines = [line for log in logs for line in log.splitlines() if UNREADABLE.search(line)]
        return [line for line in lines if not PLANTED.search(line)]

    async def _start(self, stack: AsyncExitStack, name: str, **environ: str) -> None:
        environ |= self.broker.environ(name) | settings()
        environ |= {"CLOUD_DELAY_SECONDS": "0.2", "LOG_FORMAT": "text"}
        await stack.enter_async_context(service(name, self._folder, **environ))


def as_before(now: Json, then: Json) -> Json:
    """Return ``now`` without fields that ``then`` lacks because a later release added them."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {
            key: as_before(value, then.get(key))
            for key, value in now.items()
            if key in then or key not in ADDED
        }
    if isinstance(now, list) and isinstance(then, list):
        return [
            as_before(value, then[number]) if number < len(then) else value
            for number, value in enumerate(now)
        ]
    return now


def without_new_actions(sessions: Json) -> Json:
    """Return the sessions without the actions that a later release allows its users."""
    return {
        name: {**view, "may": [one for one in view["may"] if one not in NEW_ACTIONS]}
        if isinstance(view, dict)
        else view
        for name, view in sessions.items()
    }


def up_to(entries: list[Json], last: list[Json]) -> list[Json]:
    """Return the entries up to the last sequence of ``last``."""
    return [entry for entry in entries if entry["seq"] <= last[-1]["seq"]]


def in_order(entries: list[Json]) -> bool:
    """Whether each sequence is there once, in ascending order."""
    sequences = [entry["seq"] for entry in entries]
    return sequences == sorted(set(sequences))


@pytest.fixture(params=RELEASES)
def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> Upgraded:
    return Upgraded(tmp_path, request.param)


async def operation_status(address: Address, operation_id: str) -> str:
    async with address.requests() as client:
        reply = await client.get(f"/api/v1/cloud/operations/{operation_id}", headers=admin())
        assert reply.status_code == 200, reply.text
        return str(reply.json()["operation"]["status"])


async def all_done(address: Address, pending: list[str]) -> None:
    """Wait until the operations are done that were pending when the old release stopped."""
    for operation_id in pending:
        await until_answer(
            partial(operation_status, address, operation_id), lambda status: status != "pending"
        )


def check_stored(now: Mapping[str, Json], then: Mapping[str, Json], pending: list[str]) -> None:
    """Compare everything that does not depend on the pending operations."""
    assert now["history"] == then["history"]
    assert now["replay"] == then["replay"]
    assert as_before(without_new_actions(now["sessions"]), then["sessions"]) == then["sessions"]
    assert now["restrictions"] == then["restrictions"]
    assert up_to(now["audit"], then["audit"]) == then["audit"]
    assert as_before(up_to(now["events"], then["events"]), then["events"]) == then["events"]
    for view in ("instances", "courseInstances"):
        changed = {e["instanceId"] for e in then["events"] if e["operationId"] in pending}
        kept = [[one for one in v[view] if one["id"] not in changed] for v in (now, then)]
        assert as_before(*kept) == kept[1]
    kept_operations = [
        {key: found for key, found in v["operations"].items() if key not in pending} for v in (now, then)
    ]
    assert as_before(*kept_operations) == kept_operations[1]


def check_finished(now: Mapping[str, Json], then: Mapping[str, Json], pending: list[str]) -> None:
    """Each pending operation has finished once, by the event that its command ends with."""
    final = {"create": "created", "start": "started", "remove": "removed"}
    for operation_id in pending:
        before, after = then["operations"][operation_id], now["operations"][operation_id]
        assert before["status"] == "pending"
        assert after == before | {"status": "done"}
        types = [e["type"] for e in now["events"] if e["operationId"] == operation_id]
        assert types == ["received", final[before["command"]]]
    assert in_order(now["events"])
    later = [e["operationId"] for e in now["events"] if e["seq"] > then["events"][-1]["seq"]]
    assert sorted(later) == sorted(pending)


async def test_a_gateway_serves_the_same_users_before_the_services_start(upgraded: Upgraded) -> None:
    async with upgraded.gateway_alone() as address:
        assert await listed(address) == upgraded.record["listed"]


async def test_everything_is_served_as_before_and_pending_operations_finish_once(upgraded: Upgraded) -> None:
    then, pending = upgraded.served, upgraded.record["pending"]
    async with upgraded.portal() as address:
        await all_done(address, pending)
        first = await served(address, upgraded.tokens, READER)
        check_stored(first, then, pending)
        check_finished(first, then, pending)
        valid = {name: view["userId"] for name, view in then["sessions"].items() if isinstance(view, dict)}
        assert READER in valid
        for name, user_id in valid.items():
            async with person(address, upgraded.tokens[name]) as someone:
                assert someone.welcome["user"] == {"id": user_id, "name": name}
    async with upgraded.portal() as address:
        second = await served(address, upgraded.tokens, READER)
        # A record that is written again may have fields of this release.
        assert as_before(second, first) == first


async def test_retries_from_before_the_upgrade_return_the_first_reply(upgraded: Upgraded) -> None:
    made, replies = upgraded.record["made"], upgraded.record["replies"]
    async with upgraded.portal() as address:
        await all_done(address, upgraded.record["pending"])
        before = await served(address, upgraded.tokens, READER)
        assert await send_again(address, upgraded.tokens, made["sends"]) == replies["sends"]
        done = [
            reply | {"status": "done"} if reply["status"] == "pending" else reply
            for reply in replies["commands"]
        ]
        again = await command_again(address, made["commands"])
        assert as_before(again, done) == done
        broker = await connect(
            upgraded.broker.url, name="test", credentials=upgraded.broker.access("operator")
        )
        again = await request_again(address, upgraded.tokens, broker, made["requests"])
        assert as_before(again, replies["requests"]) == replies["requests"]
        await broker.close()
        after = await served(address, upgraded.tokens, READER)
        for view in ("history", "replay", "events", "instances"):
            assert after[view] == before[view]


async def test_restrictions_hold_and_only_names_of_those_who_left_are_free(upgraded: Upgraded) -> None:
    tokens = upgraded.tokens
    frame = {"type": "send", "clientId": "new", "room": "general", "text": "after the upgrade"}
    async with upgraded.portal() as address, address.requests() as client:
        async with person(address, tokens["Вася"]):
            taken = await client.post("/api/v1/chat/users", json={"name": "вася"})
            assert (taken.status_code, taken.json().get("code")) == (409, "name_taken")
        async with person(address, tokens["Erin"]) as muted:
            assert (await say(muted, frame)).get("code") == "muted"
        (mute,) = [one for one in upgraded.served["restrictions"] if one.get("name") == "Erin"]
        again = await client.post("/api/v1/chat/mutes", json={"name": "erin"}, headers=admin())
        assert again.status_code == 201, again.text
        assert again.json()["id"] == mute["id"], "a second mute must replace the first"
        for name, code in (("Mallory", 4004), ("Dave", 4002), ("Gwen", 4002)):
            async with raw_socket(address) as socket:
                await socket.send(json.dumps({"type": "hello", "token": tokens[name]}))
                assert await close_code(socket) == code
        for banned in ("203.0.113.7", "2001:db8:1:2::9"):
            new = await client.post(
                "/api/v1/chat/users", json={"name": "new"}, headers={"X-Forwarded-For": banned}
            )
            assert (new.status_code, new.json().get("code")) == (403, "banned")
        async with person(address, tokens["Ivan"]) as lifted:
            assert (await say(lifted, frame))["type"] == "ack"
        async with person(address, await token_of(address, "carol")) as carol:
            assert (await say(carol, frame))["type"] == "ack"
            async with raw_socket(address) as socket:
                await socket.send(json.dumps({"type": "hello", "token": tokens["Carol"]}))
                assert await close_code(socket) == 4003


async def test_users_of_the_killed_gateway_leave_and_new_work_is_stored_behind_the_old(
    upgraded: Upgraded,
) -> None:
    async with upgraded.portal() as address, address.requests() as client:
        await all_done(address, upgraded.record["pending"])
        before = await served(address, upgraded.tokens, READER)
        agent = "a new browser"
        user = await register(address, agent, "new")
        async with course_client(address, agent) as course, person(address, upgraded.tokens["Вася"]) as old:
            await course.sees(user)
            frame = {"type": "send", "clientId": "new", "room": "general", "text": "новое"}
            assert (await say(old, frame))["type"] == "ack"
            text = await course.message()
            assert json.loads(text)["message"] == "новое"
            last = before["events"][-1]["seq"]
            async with events(address, since=last) as stream:
                headers = bearer(upgraded.tokens["Olga"])
                created = await client.post("/api/v1/cloud/instances", headers=headers)
                assert created.status_code == 202, created.text
                event = await stream.until("created", operationId=created.json()["operation"]["id"])
                assert event["actor"] == "Olga"

            async def names() -> list[str]:
                return [user["name"] for user in (await listed(address))["users"]]

            await until_answer(names, lambda found: sorted(found) == ["new", "Вася"], timeout=60)
        after = await served(address, upgraded.tokens, READER)
        for view in ("replay", "events", "audit"):
            assert up_to(after[view], before[view]) == before[view]
            assert len(after[view]) > len(before[view])
            assert in_order(after[view])
