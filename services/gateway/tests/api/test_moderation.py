"""Removed messages, and mutes and bans by name: at two gateways behind a proxy."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from opsroom_contracts.identity import Role
from opsroom_contracts.serialization.model import rfc3339
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import close_code, person
from services.gateway.tests.kit.behind_proxy import (
    BANNED,
    CHAT,
    PROXY,
    TwoGateways,
    forwarded_for,
    person_from,
    refused_hello,
    registered,
    socket_from,
    unique_name,
)
from services.gateway.tests.kit.course_clients import CourseClient
from services.gateway.tests.kit.portal import Portal, gateway_settings, serving
from services.gateway.tests.kit.token_mode import (
    MESSAGES,
    SESSION,
    USERS,
    audit_entries,
    bearer,
    token_mode_gateway,
)

JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_removal_is_delivered_live_and_on_resume_without_the_text(
    portal: Portal, two: TwoGateways
) -> None:
    ann, bob = (
        await registered(two.first, unique_name("ann")),
        await registered(two.first, unique_name("bob")),
    )
    secret = unique_name("the text")
    async with (
        person_from(two.first, ann) as first_reader,
        person_from(two.second, bob) as second_reader,
        socket_from(two.first, "/chat", "198.51.100.2") as course,
    ):
        before = first_reader.welcome["seq"]
        message = await first_reader.say(secret)
        after = await first_reader.say("and goes on")
        while (await second_reader.receive("message"))["seq"] < after["seq"]:
            pass
        async with two.admin() as admin:
            path = f"{CHAT}/rooms/general/messages/{message['id']}"
            assert (await admin.delete(path, params={"reason": "rude"})).status_code == 204
            removed = [await one.receive("removed") for one in (first_reader, second_reader)]
            assert removed[0] == removed[1]
            assert (removed[0]["id"], removed[0]["messageSeq"]) == (message["id"], message["seq"])
            assert (await admin.delete(path)).status_code == 204
            history = (await admin.get(MESSAGES)).json()["messages"]
            assert secret not in json.dumps(history)
            assert [one["seq"] for one in history][-1] == after["seq"]
            entry = (await audit_entries(admin, two.tokens, message["id"], 1))[0]
            assert (entry["action"], entry["actor"], entry["address"], entry["reason"]) == (
                "remove_message",
                "the admin",
                "192.0.2.1",
                "rude",
            )
        frame = CourseClient(course)
        marks = await frame.until_own_message()
        assert secret in str(marks)
        assert "removed" not in str(marks)
    # One gateway has it in its buffer, one reads the stream, and one has a part of it in its buffer.
    async with (
        token_mode_gateway(portal, two.tokens, **PROXY) as late,
        serving(portal.url, small_buffer_settings()) as forgetful,
    ):
        for gateway in (two.first, late, forgetful):
            async with person_from(gateway, ann, since=before) as back:
                frames = [await back.receive("message", "removed") for _ in range(2)]
                assert [frame["seq"] for frame in frames] == [after["seq"], removed[0]["seq"]]
            async with person_from(gateway, ann, since=after["seq"]) as back:
                assert await back.receive("message", "removed") == removed[0]


def small_buffer_settings() -> Any:
    """Return settings of a gateway in open mode with a minimal replay buffer."""
    return gateway_settings(ring_messages=1, **{key: PROXY[key] for key in ("trusted_proxies",)})


async def test_only_admins_can_moderate_and_attempts_of_others_are_audited(two: TwoGateways) -> None:
    target = unique_name("x")
    async with two.first.requests() as client:
        for method, path, body in (
            ("DELETE", f"/rooms/general/messages/{target}", None),
            ("POST", "/mutes", {"name": target}),
            ("POST", "/bans", {"name": target}),
            ("DELETE", f"/restrictions/{target}", None),
            ("GET", "/restrictions", None),
            ("GET", f"/addresses?name={target}", None),
        ):
            response = await client.request(method, CHAT + path, json=body)
            assert (response.status_code, response.json()["code"]) == (401, "unauthenticated"), path
            response = await client.request(
                method, CHAT + path, json=body, headers=two.tokens.header(Role.OPERATOR)
            )
            assert (response.status_code, response.json()["code"]) == (403, "forbidden"), path
    async with two.admin() as admin:
        found = await audit_entries(admin, two.tokens, target, 6)
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
            response = await admin.request(method, CHAT + path, json=body)
            assert response.json()["code"] == code, (path, response.text)


@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        ("half \ud83d", "must be valid Unicode text, without unpaired surrogates"),
        ("a\x00b", "must not contain control characters (U+0000)"),
        ("a\u202eb", "must not contain invisible characters (U+202E)"),
        ("", "must have at least 1 character"),
        ("x" * 201, "must have at most 200 characters"),
        (7, "must be text"),
    ],
)
async def test_a_reason_that_cannot_be_shown_is_refused(two: TwoGateways, reason: Any, problem: str) -> None:
    async with two.admin() as admin:
        for path in ("/mutes", "/bans"):
            body = json.dumps({"name": unique_name("x"), "reason": reason})
            response = await admin.post(CHAT + path, content=body, headers=JSON)
            refusal = response.json()
            assert (response.status_code, refusal["code"]) == (422, "invalid_request")
            assert (refusal["field"], refusal["detail"]) == ("reason", f"reason: {problem}")


async def test_the_reason_in_a_query_follows_the_same_rules(two: TwoGateways) -> None:
    async with two.admin() as admin:
        for path in ("/rooms/general/messages/x", "/users/x/token", "/restrictions/x"):
            response = await admin.delete(CHAT + path, params={"reason": "a\u202eb"})
            assert (response.status_code, response.json()["field"]) == (422, "reason"), path
            assert "U+202E" in response.json()["detail"]


async def test_a_reason_is_kept_on_one_line_and_a_blank_one_is_none(two: TwoGateways) -> None:
    name = unique_name("x")
    async with two.admin() as admin:
        for typed, kept in ((" loud\nand\t rude \u2764\ufe0f ", "loud and rude \u2764\ufe0f"), (" \n", None)):
            response = await admin.post(CHAT + "/mutes", json={"name": name, "reason": typed})
            assert (response.status_code, response.json().get("reason")) == (201, kept)


async def test_a_muted_user_is_notified_and_can_still_read(two: TwoGateways) -> None:
    name = unique_name("mia")
    token = await registered(two.first, name)
    async with (
        person_from(two.first, token) as mia,
        person_from(two.second, token) as too,
        two.admin() as admin,
    ):
        assert "muted" not in mia.welcome
        response = await admin.post(
            CHAT + "/mutes", json={"name": name.upper(), "seconds": 600, "reason": "spam"}
        )
        assert response.status_code == 201, response.text
        mute = response.json()
        assert mute["until"] > rfc3339(datetime.now(UTC))
        for one in (mia, too):
            frame = await one.receive("muted")
            assert (frame["until"], frame["reason"]) == (mute["until"], "spam")
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


async def test_a_late_request_with_a_used_idempotency_key_mutes_nobody_again(two: TwoGateways) -> None:
    name, key = unique_name("ann"), {"Idempotency-Key": unique_name("key")}
    muting: Any = {"json": {"name": name}, "headers": key}
    async with two.admin() as admin:
        mutes_elsewhere = f"{two.second.http}{CHAT}/mutes"
        first = await admin.post(f"{CHAT}/mutes", **muting)
        again = await admin.post(mutes_elsewhere, **muting)
        assert (first.status_code, again.json()) == (201, first.json())
        assert (await admin.delete(f"{CHAT}/restrictions/{first.json()['id']}")).status_code == 204
        assert (await admin.post(mutes_elsewhere, **muting)).status_code == 201
        in_force = (await admin.get(f"{CHAT}/restrictions")).json()["restrictions"]
        assert name not in {one.get("name") for one in in_force}
        other = await admin.post(f"{CHAT}/mutes", json={"name": f"{name}-2"}, headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


async def test_a_banned_user_is_disconnected_everywhere_and_cannot_return(
    portal: Portal, two: TwoGateways
) -> None:
    name = unique_name("eve")
    token = await registered(two.first, name)
    async with (
        person_from(two.first, token) as first_reader,
        person_from(two.second, token) as second_reader,
        two.admin() as admin,
    ):
        response = await admin.post(CHAT + "/bans", json={"name": name, "reason": "enough"})
        assert response.status_code == 201, response.text
        ban = response.json()
        for one in (first_reader, second_reader):
            frame = await one.receive("error")
            assert (frame["code"], frame["message"]) == (
                "banned",
                "you are banned until it is lifted: enough",
            )
            assert await one.closed() == BANNED
        names = [user["name"] for user in (await admin.get(USERS)).json()["users"]]
        assert name not in names
        async with token_mode_gateway(portal, two.tokens, **PROXY) as later:
            for gateway in (two.first, two.second, later):
                error, code = await refused_hello(gateway, token)
                assert (error["code"], code) == ("banned", BANNED)
                async with gateway.requests() as client:
                    for response in (
                        await client.post(USERS, json={"name": name.upper()}),
                        await client.get(MESSAGES, headers=bearer(token)),
                        await client.get(SESSION, headers=bearer(token)),
                    ):
                        assert (response.status_code, response.json()["code"]) == (403, "banned")
                    course = await client.post("/chat/new-user", json={"name": name})
                    assert (course.status_code, course.json()["status"]) == (403, "error")
        assert (await admin.delete(f"{CHAT}/restrictions/{ban['id']}")).status_code == 204
    async with person_from(two.first, token) as back:
        assert (await back.say("hello again"))["type"] == "ack"


async def test_a_course_client_can_be_muted_and_banned_by_name(two: TwoGateways) -> None:
    name, address = unique_name("carl"), "198.51.100.77"
    async with two.second.requests() as client, socket_from(two.second, "/chat", address) as socket:
        response = await client.post("/chat/new-user", json={"name": name}, headers=forwarded_for(address))
        assert response.status_code == 200, response.text
        carl = CourseClient(socket)
        await carl.sees(response.json()["user"])
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


async def test_in_open_mode_local_clients_are_admins_only_if_configured(
    portal: Portal, two: TwoGateways
) -> None:
    name = unique_name("open")
    async with portal.gateway.requests() as client:
        frame = (await client.get(SESSION)).json()
        assert frame["role"] == "operator"
        assert not {"see_audit", "moderate"} & set(frame["may"])
        response = await client.post(CHAT + "/mutes", json={"name": name})
        assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    admin = two.tokens.header(Role.ADMIN)
    async with token_mode_gateway(portal, two.tokens, access="open") as address, address.requests() as client:
        mute = await client.post(CHAT + "/mutes", json={"name": name}, headers=admin)
        assert mute.status_code == 201
    settings = gateway_settings(open_moderation=True)
    async with serving(portal.url, settings) as address, address.requests() as client:
        assert "moderate" in (await client.get(SESSION)).json()["may"]
        response = await client.get(SESSION, headers=forwarded_for("203.0.113.9"))
        assert "moderate" not in response.json()["may"]
        path = f"{CHAT}/restrictions/{mute.json()['id']}"
        await until_answer(
            lambda: client.get(CHAT + "/restrictions"), lambda response: mute.json()["id"] in response.text
        )
        assert (await client.delete(path)).status_code == 204
