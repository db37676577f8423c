"""Attacks of members, bots and outsiders on what only the owners of a room may do."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from opsroom_contracts.identity import Role
from services.gateway.tests.attacks.secret_room import Door
from services.gateway.tests.files.kit import Sharer, sharer
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.rooms import RoomUser
from services.gateway.tests.kit.token_mode import Tokens, registered, token_mode_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWNERS_ONLY = {
    "renaming": Door("PATCH", "/chat/rooms/ROOM", {"name": "Renamed"}),
    "describing": Door("PATCH", "/chat/rooms/ROOM", {"description": "Described"}),
    "archiving": Door("PATCH", "/chat/rooms/ROOM", {"archived": True}),
    "removing a member": Door("DELETE", "/chat/rooms/ROOM/members/OTHER"),
    "removing the owner": Door("DELETE", "/chat/rooms/ROOM/members/OWNER"),
    "editing another's message": Door("PATCH", "/chat/rooms/ROOM/messages/MESSAGE", {"text": "x"}),
    "removing another's message": Door("DELETE", "/chat/rooms/ROOM/messages/MESSAGE"),
}
MEMBERS_ONLY = {
    "sending": Door("POST", "/chat/rooms/ROOM/messages", {"text": "x"}),
    "inviting": Door("POST", "/chat/rooms/ROOM/invite", {"users": ["OUTSIDER"]}),
    "reacting": Door("PUT", "/chat/rooms/ROOM/messages/MESSAGE/reactions/%F0%9F%91%8D"),
    "pinning": Door("PUT", "/chat/rooms/ROOM/messages/MESSAGE/pin"),
    "uploading": Door("POST", "/chat/files?room=ROOM&name=a", b"x"),
    "reading": Door("PUT", "/chat/rooms/ROOM/read", {"seq": 1}),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(portal: Portal) -> AsyncIterator[dict[str, Sharer]]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(sharer(portal.gateway))
            for name in ("owner", "member", "other", "outsider")
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["public", "private"])
async def ids(request: Any, people: dict[str, Sharer]) -> dict[str, str]:
    """A room with an owner, a member and another one, and a message of the owner."""
    owner = people["owner"]
    private = request.param == "private"
    room = await owner.http.create(f"room {uuid4().hex}", private=private, description="As it was")
    others = [people[name].user_id for name in ("member", "other")]
    await owner.http.act(f"/rooms/{room}/invite", {"users": others})
    sent = await owner.socket.request("send", room=room, text="said by the owner")
    found = {"ROOM": room, "OTHER": people["other"].user_id, "OWNER": owner.user_id, "MESSAGE": sent["id"]}
    return found | {"OUTSIDER": people["outsider"].user_id, "KIND": request.param}


async def state(owner: Sharer, room: str) -> list[Any]:
    """Return everything that the owner sees of a room."""
    rooms = (await owner.http.request("GET", "/rooms")).json()["rooms"]
    found: list[Any] = [one["room"] for one in rooms if one["room"]["id"] == room]
    for path in ("/members", "/messages", "/pins"):
        response = await owner.http.request("GET", f"/rooms/{room}{path}")
        found.append({key: value for key, value in response.json().items() if key not in {"asOf", "epoch"}})
    return found


@pytest.mark.parametrize("door", OWNERS_ONLY.values(), ids=OWNERS_ONLY.keys())
@pytest.mark.parametrize("who", ["member", "outsider"])
async def test_nobody_but_an_owner_changes_a_room(
    portal: Portal, people: dict[str, Sharer], ids: dict[str, str], who: str, door: Door
) -> None:
    before = await state(people["owner"], ids["ROOM"])
    response = await door.knock(portal.gateway, people[who].http.token, ids)
    assert response.status_code in {401, 403, 404}, response.text
    assert await state(people["owner"], ids["ROOM"]) == before


@pytest.mark.parametrize("door", MEMBERS_ONLY.values(), ids=MEMBERS_ONLY.keys())
async def test_nobody_but_a_member_adds_to_a_room(
    portal: Portal, people: dict[str, Sharer], ids: dict[str, str], door: Door
) -> None:
    before = await state(people["owner"], ids["ROOM"])
    response = await door.knock(portal.gateway, people["outsider"].http.token, ids)
    assert response.status_code in {403, 404}, response.text
    assert await state(people["owner"], ids["ROOM"]) == before


@pytest.mark.parametrize("door", OWNERS_ONLY.values(), ids=OWNERS_ONLY.keys())
async def test_nobody_owns_a_direct_room(portal: Portal, people: dict[str, Sharer], door: Door) -> None:
    owner, member = people["owner"], people["member"]
    body = {"users": [member.user_id, people["other"].user_id]}
    room = (await owner.http.request("POST", "/direct", json=body)).json()["id"]
    sent = await owner.socket.request("send", room=room, text="between us")
    ids = {"ROOM": room, "OTHER": people["other"].user_id, "OWNER": owner.user_id, "MESSAGE": sent["id"]}
    before = await state(owner, room)
    for who in ("member", "outsider"):
        response = await door.knock(portal.gateway, people[who].http.token, ids)
        assert response.status_code in {401, 403, 404}, response.text
    assert await state(owner, room) == before


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(portal: Portal, tokens: Tokens) -> AsyncIterator[Address]:
    """A gateway in token mode, at the same services."""
    async with token_mode_gateway(portal, tokens) as address:
        yield address


async def new_bot(strict: Address, owner_headers: dict[str, str]) -> RoomUser:
    """Make a bot of the holder of a static token."""
    async with strict.requests() as client:
        body = {"name": f"bot-{uuid4().hex[:8]}"}
        made = await client.post("/api/v1/access/bots", json=body, headers=owner_headers)
        assert made.status_code == 201, made.text
        return RoomUser(strict, made.json()["token"])


@pytest.mark.parametrize("door", OWNERS_ONLY.values(), ids=OWNERS_ONLY.keys())
async def test_a_bot_is_not_what_its_owner_is_in_a_room(
    portal: Portal, people: dict[str, Sharer], tokens: Tokens, strict: Address, door: Door
) -> None:
    """Defense: a bot is a separate person: the rooms of its owner are not its own."""
    async with strict.requests() as client:
        headers = tokens.header(Role.OPERATOR)
        token = await registered(client, f"ann-{uuid4().hex[:8]}", headers)
    async with person(strict, token) as ann:
        owner = Sharer(ann, RoomUser.of(strict, ann))
        room = await owner.http.create(f"room {uuid4().hex}", private=True)
        await owner.http.act(f"/rooms/{room}/invite", {"users": [people["other"].user_id]})
        sent = await owner.socket.request("send", room=room, text="said by the owner")
        bot = await new_bot(strict, headers)
        ids = {"ROOM": room, "OTHER": people["other"].user_id, "OWNER": owner.user_id, "MESSAGE": sent["id"]}
        before = await state(owner, room)
        assert (await door.knock(strict, bot.token, ids)).status_code in {403, 404}
        assert await bot.texts(room) == "room_unknown"
        assert await state(owner, room) == before


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MEMBER, Role.OPERATOR, Role.ADMIN])
async def test_no_role_of_the_portal_opens_a_private_room(
    people: dict[str, Sharer], ids: dict[str, str], tokens: Tokens, strict: Address, role: Role
) -> None:
    """Defense: roles are about the portal. Moderators may change public rooms, and see no private ones."""
    if ids["KIND"] == "public":
        return
    async with strict.requests() as client:
        body = {"name": f"the-{role}-{uuid4().hex[:8]}"}
        made = await client.post("/api/v1/chat/users", json=body, headers=tokens.header(role))
        assert made.status_code == 201, made.text
    for door in (OWNERS_ONLY["renaming"], OWNERS_ONLY["removing a member"], *MEMBERS_ONLY.values()):
        for token in (tokens.by_role[role], made.json()["token"]):
            response = await door.knock(strict, token, ids)
            assert response.status_code in {403, 404}, f"{door}: {response.text}"
            assert "said by the owner" not in response.text
    for path in ("/chat/rooms/ROOM/messages", "/chat/rooms/ROOM/pins", "/chat/rooms/ROOM/members"):
        for token in (tokens.by_role[role], made.json()["token"]):
            response = await Door("GET", path).knock(strict, token, ids)
            assert response.status_code in {403, 404}, f"{path}: {response.text}"
