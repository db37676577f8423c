"""Frames of course clients that name somebody who is muted or banned, or who has a token, in any form."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from opsroom_messaging.client.connection import NatsConnection, connect
from services.gateway.tests.kit.api_clients import person, token_of
from services.gateway.tests.kit.behind_proxy import TwoGateways, forwarded_for, socket_from
from services.gateway.tests.kit.course_clients import CourseClient, as_list, course_client, register
from services.gateway.tests.kit.portal import Address, Portal

pytestmark = pytest.mark.asyncio(loop_scope="module")

Fields = dict[str, Any]


def forms_of(name: str, user_id: str = "1") -> list[Fields]:
    """Return the fields of frames that claim ``name``, in every form that a client could show."""
    return [
        {"user": {"name": name}},
        {"user": name.upper()},
        {"name": "someone", "user": {"id": user_id, "nickname": name}},
        {"message": {"text": "forged", "user": {"name": name}}},
        {"name": [name]},
        {"user": [{"x": 1}, [name]]},
        {"user": {"name": {"name": [name[:3], name[3:]]}}},
        {"name": name[:3] + "\u200b" + name[3:]},
        {"user": {"name": f" {name[:2]}\u2060{name[2:]}\ufe0f"}},
        {"name": "".join(chr(ord(char) + 0xFEE0) if char.isalpha() else char for char in name)},
        {"from": name},
    ]


async def relayed(client: CourseClient, frames: list[Fields]) -> list[str]:
    """Send frames. Returns those that are relayed."""
    for number, fields in enumerate(frames):
        await client.send({"type": "send", "message": "forged", "form": number, **fields})
    before = await client.until_own_message()
    return [str(frame) for frame in before if "forged" in str(frame)]


@pytest_asyncio.fixture(loop_scope="module")
async def operator(portal: Portal) -> AsyncIterator[NatsConnection]:
    """The operator's connection to the broker."""
    broker = await connect(portal.url, name="operator")
    yield broker
    await broker.close()


@pytest.mark.parametrize("kind", ["mute", "ban"])
async def test_no_frame_can_name_a_muted_or_banned_user(
    address: Address, agent: str, operator: NatsConnection, kind: str
) -> None:
    name = f"vera{uuid4().hex[:6]}"
    token = await token_of(address, name)
    async with person(address, token) as vera, course_client(address, agent) as mallory:
        user = await register(address, agent, f"m{uuid4().hex[:6]}")
        await mallory.sees(user)
        await operator.client.request("chat.restrict", json.dumps({"kind": kind, "name": name}).encode())
        if kind == "mute":
            await vera.receive("muted")
        else:
            await vera.closed()
        # Which of both values a client shows depends on the client.
        repeated = json.dumps({"type": "send", "message": "forged", "name": name})
        await mallory.send(repeated[:-1] + ',"name":"me"}')
        by_id: list[Fields] = [{"user": {"id": token.partition(".")[0]}}] if kind == "mute" else []
        many: list[Fields] = [{"users": [{"name": f"n{n}"} for n in range(200)]}]
        assert await relayed(mallory, [*forms_of(name), *by_id, *many]) == []
        allowed: list[Fields] = [{"user": user}, {"text": name, "name": user["name"]}]
        assert len(await relayed(mallory, allowed)) == 2


async def test_the_chat_service_checks_the_name_of_a_frame_before_it_replaces_it(
    address: Address, operator: NatsConnection
) -> None:
    """A name of a user with a token is replaced, and that of a socket with a user is not used."""
    name = f"vera{uuid4().hex[:6]}"
    async with person(address, await token_of(address, name)), person(address) as other:
        await operator.client.request("chat.restrict", json.dumps({"kind": "mute", "name": name}).encode())
        frame = {
            "guestName": f"{name[:2]}\u200b{name[2:]}",
            "room": "general",
            "text": "x",
            "raw": {"data": "{}"},
        }
        for sender in ({}, {"userId": other.welcome["user"]["id"]}):
            request = json.dumps({**frame, **sender, "clientId": uuid4().hex}).encode()
            reply = await operator.client.request("chat.send", request)
            assert json.loads(reply.data)["code"] == "muted"


async def test_outside_of_open_mode_no_frame_can_name_a_user_with_a_token(two: TwoGateways) -> None:
    address, name = "198.51.100.9", f"vera{uuid4().hex[:6]}"
    async with two.first.requests() as client:
        response = await client.post(
            "/api/v1/chat/users", json={"name": name}, headers=forwarded_for(address)
        )
        user = response.json()["user"]
    async with socket_from(two.first, "/chat", address) as socket:
        mallory = CourseClient(socket)
        for held in (name, "the admin", "operator"):
            assert await relayed(mallory, forms_of(held, user["id"])) == [], held
        unclear: list[Fields] = [
            {"name": "v\u0435ra"},
            {"name": ["x"]},
            {"user": "x" * 33},
            {"user": "\u202ex"},
        ]
        assert await relayed(mallory, unclear) == []
        clear: list[Fields] = [
            {"name": "mallory", "date": "2026-11-29", "userId": str(uuid4())},
            {"user": {"id": 7, "name": "\u0412\u0430\u0441\u044f"}},
            {},
        ]
        assert len(await relayed(mallory, clear)) == 3


async def listed(at: Address, address: str) -> list[dict[str, str]]:
    """Return the user list that a new socket gets."""
    async with socket_from(at, "/chat", address) as socket:
        users = as_list(await CourseClient(socket).receive())
    assert users is not None
    return users


async def test_only_the_address_that_registered_can_end_a_registration_without_a_socket(
    two: TwoGateways,
) -> None:
    home, elsewhere = "198.51.100.21", "203.0.113.21"
    users = []
    async with two.first.requests() as client:
        for _ in range(2):
            body = {"name": f"ann-{uuid4().hex[:6]}"}
            response = await client.post("/chat/new-user", json=body, headers=forwarded_for(home))
            assert response.status_code == 200, response.text
            users.append(response.json()["user"])
    first, second = users
    async with socket_from(two.first, "/chat", elsewhere) as socket:
        other = CourseClient(socket)
        await other.send({"type": "exit", "user": {"name": first["name"]}})
        await other.send({"type": "connect", "user": first})  # claims the name, then leaves
        await other.send({"type": "exit"})
        await other.send({"type": "exit", "user": second})
        await other.until_own_message()
        shown = await listed(two.first, elsewhere)
        assert first in shown
        assert second in shown
    async with socket_from(two.first, "/chat", home) as socket:  # with another user agent
        own = CourseClient(socket)
        await own.send({"type": "exit", "user": {"name": first["name"]}})
        await own.until_own_message()
        shown = await listed(two.first, elsewhere)
        assert first not in shown
        assert second in shown
