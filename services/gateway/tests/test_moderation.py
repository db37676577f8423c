"""Messages removed, people muted and banned by name: seen at two gateways, behind a proxy."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from opsroom_contracts.identity import Role
from opsroom_contracts.model import rfc3339
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.api_clients import close_code, person
from services.gateway.tests.behind_proxy import (
    BANNED,
    CHAT,
    PROXY,
    Guarded,
    person_from,
    refused_hello,
    registered,
    seen_from,
    socket_from,
    some,
)
from services.gateway.tests.course_clients import CourseClient
from services.gateway.tests.portal import Portal, gateway_settings, serving
from services.gateway.tests.token_mode import MESSAGES, SESSION, USERS, audited, bearer, guarded

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_removed_message_is_told_live_and_on_resume_and_its_text_never_again(
    portal: Portal, two: Guarded
) -> None:
    ann, bob = await registered(two.first, some("ann")), await registered(two.first, some("bob"))
    secret = some("the text")
    async with (
        person_from(two.first, ann) as audit_log,
        person_from(two.second, bob) as there,
        socket_from(two.first, "/chat", "198.51.100.2") as course,
    ):
        before = audit_log.welcome["seq"]
        said = await audit_log.say(secret)
        after = await audit_log.say("and goes on")
        while (await there.receive("message"))["seq"] < after["seq"]:
            pass
        async with two.admin() as admin:
            path = f"{CHAT}/rooms/general/messages/{said['id']}"
            assert (await admin.delete(path, params={"reason": "rude"})).status_code == 204
            removed = [await one.receive("removed") for one in (audit_log, there)]
            assert removed[0] == removed[1]
            assert (removed[0]["id"], removed[0]["messageSeq"]) == (said["id"], said["seq"])
            assert (await admin.delete(path)).status_code == 204
            history = (await admin.get(MESSAGES)).json()["messages"]
            assert secret not in json.dumps(history)
            assert [one["seq"] for one in history][-1] == after["seq"]
            entry = (await audited(admin, two.tokens, said["id"], 1))[0]
            assert (entry["action"], entry["actor"], entry["address"], entry["reason"]) == (
                "remove_message",
                "the admin",
                "192.0.2.1",
                "rude",
            )
        told = CourseClient(course)
        marks = await told.until_own_message()
        assert secret in str(marks)
        assert "removed" not in str(marks)
    # A gateway that remembers it, one that reads the stream, and one that hears of it in the middle.
    async with guarded(portal, two.tokens, **PROXY) as late, serving(portal.url, small_ring()) as forgetful:
        for gateway in (two.first, late, forgetful):
            async with person_from(gateway, ann, since=before) as back:
                frames = [await back.receive("message", "removed") for _ in range(2)]
                assert [frame["seq"] for frame in frames] == [after["seq"], removed[0]["seq"]]
            async with person_from(gateway, ann, since=after["seq"]) as back:
                assert await back.receive("message", "removed") == removed[0]


def small_ring() -> Any:
    """A gateway in open mode that remembers next to nothing."""
    return gateway_settings(ring_messages=1, **{key: PROXY[key] for key in ("trusted_proxies",)})


async def test_only_admins_moderate_and_what_others_tried_is_noted(two: Guarded) -> None:
    target = some("x")
    async with two.first.requests() as client:
        for method, path, body in (
            ("DELETE", f"/rooms/general/messages/{target}", None),
            ("POST", "/mutes", {"name": target}),
            ("POST", "/bans", {"name": target}),
            ("DELETE", f"/restrictions/{target}", None),
            ("GET", "/restrictions", None),
            ("GET", f"/addresses?name={target}", None),
        ):
            answer = await client.request(method, CHAT + path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path
            answer = await client.request(
                method, CHAT + path, json=body, headers=two.tokens.header(Role.OPERATOR)
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
    async with two.admin() as admin:
        found = await audited(admin, two.tokens, target, 6)
        assert [(one["action"], one["actor"], one["code"]) for one in found] == [
            ("remove_message", "anonymous", "unauthenticated"),
            ("remove_message", "the operator", "forbidden"),
            ("lift", "anonymous", "unauthenticated"),
            ("lift", "the operator", "forbidden"),
            ("locate", "anonymous", "unauthenticated"),
            ("locate", "the operator", "forbidden"),
        ]
        for method, path, body, code in (
            ("DELETE", f"/rooms/general/messages/{target}", None, "message_unknown"),
            ("DELETE", f"/restrictions/{target}", None, "restriction_unknown"),
            ("POST", "/mutes", {"name": "\u200b"}, "invalid_request"),
            ("POST", "/bans", {"name": "a", "address": "203.0.113.7"}, "invalid_request"),
            ("POST", "/bans", {"address": "10.0.0.0/8"}, "invalid_request"),
            ("POST", "/bans", {"address": "192.0.2.1"}, "invalid_request"),
            ("POST", "/bans", {"name": "The Admin"}, "invalid_request"),
        ):
            answer = await admin.request(method, CHAT + path, json=body)
            assert answer.json()["code"] == code, (path, answer.text)


async def test_who_is_muted_is_told_until_when_and_reads_on(two: Guarded) -> None:
    name = some("mia")
    token = await registered(two.first, name)
    async with (
        person_from(two.first, token) as mia,
        person_from(two.second, token) as too,
        two.admin() as admin,
    ):
        assert "muted" not in mia.welcome
        answer = await admin.post(
            CHAT + "/mutes", json={"name": name.upper(), "seconds": 600, "reason": "spam"}
        )
        assert answer.status_code == 201, answer.text
        mute = answer.json()
        assert mute["until"] > rfc3339(datetime.now(UTC))
        for one in (mia, too):
            told = await one.receive("muted")
            assert (told["until"], told["reason"]) == (mute["until"], "spam")
        refused = await mia.say("hello?")
        assert (refused["type"], refused["code"], refused["until"]) == ("error", "muted", mute["until"])
        async with person_from(two.second, token) as again:
            assert again.welcome["muted"] == {"until": mute["until"], "reason": "spam"}
        async with person(two.first) as other:
            assert (await other.say("hi"))["type"] == "ack"
            assert (await mia.receive("message"))["text"] == "hi"
        listed = (await admin.get(CHAT + "/restrictions")).json()["restrictions"]
        assert mute in listed
        assert (await admin.delete(f"{CHAT}/restrictions/{mute['id']}")).status_code == 204
        await mia.receive("unmuted")
        assert (await mia.say("at last"))["type"] == "ack"
        assert mute not in (await admin.get(CHAT + "/restrictions")).json()["restrictions"]


async def test_who_is_banned_is_sent_away_everywhere_and_not_let_in_again(
    portal: Portal, two: Guarded
) -> None:
    name = some("eve")
    token = await registered(two.first, name)
    async with (
        person_from(two.first, token) as audit_log,
        person_from(two.second, token) as there,
        two.admin() as admin,
    ):
        answer = await admin.post(CHAT + "/bans", json={"name": name, "reason": "enough"})
        assert answer.status_code == 201, answer.text
        ban = answer.json()
        for one in (audit_log, there):
            told = await one.receive("error")
            assert (told["code"], told["message"]) == ("banned", "you are banned until it is lifted: enough")
            assert await one.closed() == BANNED
        names = [user["name"] for user in (await admin.get(USERS)).json()["users"]]
        assert name not in names
        async with guarded(portal, two.tokens, **PROXY) as later:
            for gateway in (two.first, two.second, later):
                error, code = await refused_hello(gateway, token)
                assert (error["code"], code) == ("banned", BANNED)
                async with gateway.requests() as client:
                    for answer in (
                        await client.post(USERS, json={"name": name.upper()}),
                        await client.get(MESSAGES, headers=bearer(token)),
                        await client.get(SESSION, headers=bearer(token)),
                    ):
                        assert (answer.status_code, answer.json()["code"]) == (403, "banned")
                    course = await client.post("/chat/new-user", json={"name": name})
                    assert (course.status_code, course.json()["status"]) == (403, "error")
        assert (await admin.delete(f"{CHAT}/restrictions/{ban['id']}")).status_code == 204
    async with person_from(two.first, token) as back:
        assert (await back.say("hello again"))["type"] == "ack"


async def test_a_course_client_that_is_muted_or_banned_by_name(two: Guarded) -> None:
    name, address = some("carl"), "198.51.100.77"
    async with two.second.requests() as client, socket_from(two.second, "/chat", address) as socket:
        answer = await client.post("/chat/new-user", json={"name": name}, headers=seen_from(address))
        assert answer.status_code == 200, answer.text
        carl = CourseClient(socket)
        await carl.sees(answer.json()["user"])
        frame = {"type": "send", "message": "hi", "user": {"name": name}}
        await carl.send(frame)
        await carl.message()
        async with two.admin() as admin:
            mute = (await admin.post(CHAT + "/mutes", json={"name": name})).json()
            await carl.send(frame | {"message": "muted words"})
            async with person(two.first) as reader:
                await reader.say("a mark")
                while "a mark" not in str(relayed := await carl.message()):
                    assert "muted words" not in str(relayed)
            assert (await admin.delete(f"{CHAT}/restrictions/{mute['id']}")).status_code == 204
            assert (await admin.post(CHAT + "/bans", json={"name": name})).status_code == 201
            assert await close_code(socket) == BANNED


async def test_in_open_mode_the_machine_itself_moderates_only_where_that_was_asked_for(
    portal: Portal, two: Guarded
) -> None:
    name = some("open")
    async with portal.gateway.requests() as client:
        told = (await client.get(SESSION)).json()
        assert told["role"] == "admin"
        assert "see_audit" in told["may"]
        assert "moderate" not in told["may"]
        answer = await client.post(CHAT + "/mutes", json={"name": name})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    admin = two.tokens.header(Role.ADMIN)
    async with guarded(portal, two.tokens, access="open") as address, address.requests() as client:
        mute = await client.post(CHAT + "/mutes", json={"name": name}, headers=admin)
        assert mute.status_code == 201
    settings = gateway_settings(open_moderation=True)
    async with serving(portal.url, settings) as address, address.requests() as client:
        assert "moderate" in (await client.get(SESSION)).json()["may"]
        answer = await client.get(SESSION, headers=seen_from("203.0.113.9"))
        assert "moderate" not in answer.json()["may"]
        path = f"{CHAT}/restrictions/{mute.json()['id']}"
        await until_answer(
            lambda: client.get(CHAT + "/restrictions"), lambda answer: mute.json()["id"] in answer.text
        )
        assert (await client.delete(path)).status_code == 204
