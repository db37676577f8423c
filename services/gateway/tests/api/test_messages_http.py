"""Messages over HTTP: sent, edited, deleted, reacted to and pinned, with the same rules as on a socket."""

from typing import Any
from urllib.parse import quote

import pytest

from opsroom_contracts.identity import Role
from services.gateway.tests.kit.api_clients import Person, person
from services.gateway.tests.kit.portal import Portal
from services.gateway.tests.kit.rooms import RoomUser
from services.gateway.tests.kit.token_mode import Tokens, audit_entries, bearer, token_mode_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHAT = "/api/v1/chat"
GENERAL = "/rooms/general/messages"
PRIVATE = "r-2ne4xyw7oqx5cqw5fmmqvxnz"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


async def last(reader: RoomUser, message_id: str) -> dict[str, Any]:
    """Return a message as the history has it."""
    page = (await reader.request("GET", GENERAL)).json()
    (found,) = [one for one in page["messages"] if one["id"] == message_id]
    assert page["asOf"] >= found["seq"]
    return dict(found)


async def until(reader: Person, kind: str, message_id: str) -> dict[str, Any]:
    """Return the next frame of a kind about a message."""
    while (frame := await reader.receive(kind))["id"] != message_id:
        pass
    return frame


async def test_a_message_is_sent_once_edited_and_deleted(portal: Portal) -> None:
    async with person(portal.gateway) as ann, person(portal.gateway) as bob:
        http, other = RoomUser.of(portal.gateway, ann), RoomUser.of(portal.gateway, bob)
        key = {"Idempotency-Key": "the first"}
        sent = [await http.request("POST", GENERAL, json={"text": "hi"}, headers=key) for _ in range(2)]
        assert [one.status_code for one in sent] == [201, 201]
        stored, again = (one.json() for one in sent)
        assert again == {**stored, "duplicate": True}
        path = f"{GENERAL}/{stored['id']}"
        assert (await until(bob, "message", stored["id"]))["text"] == "hi"
        assert (await other.request("PATCH", path, json={"text": "mine"})).json()["code"] == "forbidden"
        edited = (await http.request("PATCH", path, json={"text": "ho"})).json()
        frame = await until(bob, "edited", stored["id"])
        assert (frame["seq"], frame["message"]["text"]) == (edited["seq"], "ho")
        assert (await http.request("PATCH", path, json={"text": "ho"})).json()["duplicate"]
        shown = await last(other, stored["id"])
        assert (shown["seq"], shown["text"], shown["editedAt"]) == (stored["seq"], "ho", edited["timestamp"])
        assert (await other.request("DELETE", path)).json()["code"] == "forbidden"
        assert [(await http.request("DELETE", path)).status_code for _ in range(2)] == [204, 204]
        assert (await until(bob, "removed", stored["id"]))["byAuthor"] is True
        assert (await http.request("PATCH", path, json={"text": "back"})).json()["code"] == "message_unknown"


async def test_reactions_and_pins(portal: Portal) -> None:
    async with person(portal.gateway) as ann, person(portal.gateway) as bob:
        http, other = RoomUser.of(portal.gateway, ann), RoomUser.of(portal.gateway, bob)
        message = (await http.request("POST", GENERAL, json={"text": "hi"})).json()
        reaction = f"{GENERAL}/{message['id']}/reactions/{quote('👍🏽')}"
        for user in (http, other):
            response = await user.request("PUT", reaction)
            assert (response.status_code, response.json()["duplicate"]) == (200, False)
        assert (await http.request("PUT", reaction)).json()["duplicate"]
        frame = await until(ann, "reaction", message["id"])
        assert (frame["emoji"], frame["count"], frame["messageSeq"]) == ("👍🏽", 1, message["seq"])
        (shown,) = (await last(http, message["id"]))["reactions"]
        assert (shown["count"], shown["me"]) == (2, True)
        await http.request("DELETE", reaction)
        (shown,) = (await last(http, message["id"]))["reactions"]
        assert (shown["count"], shown.get("me")) == (1, None)
        refused = await http.request("PUT", f"{GENERAL}/{message['id']}/reactions/yes")
        assert (refused.status_code, refused.json()["field"]) == (422, "emoji")
        assert (await http.request("PUT", f"{GENERAL}/{message['id']}/pin")).status_code == 200
        (pin,) = (await other.request("GET", "/rooms/general/pins")).json()["pins"]
        assert (pin["by"]["id"], pin["message"]["id"]) == (ann.welcome["user"]["id"], message["id"])
        assert (await last(other, message["id"]))["pinned"] is True
        await other.request("DELETE", f"{GENERAL}/{message['id']}/pin")
        assert (await other.request("GET", "/rooms/general/pins")).json()["pins"] == []


async def test_a_private_room_is_closed_at_every_door(portal: Portal) -> None:
    async with person(portal.gateway) as ann, person(portal.gateway) as eve:
        http, stranger = RoomUser.of(portal.gateway, ann), RoomUser.of(portal.gateway, eve)
        room = await http.create("Salaries", private=True)
        message = (await http.request("POST", f"/rooms/{room}/messages", json={"text": "secret"})).json()
        path = f"/rooms/{room}/messages/{message['id']}"
        doors = [
            ("POST", f"/rooms/{room}/messages", {"text": "x"}),
            ("PATCH", path, {"text": "x"}),
            ("PUT", f"{path}/reactions/{quote('👍')}", None),
            ("DELETE", f"{path}/reactions/{quote('👍')}", None),
            ("PUT", f"{path}/pin", None),
            ("DELETE", f"{path}/pin", None),
            ("GET", f"/rooms/{room}/pins", None),
        ]
        for method, door, body in doors:
            answer = (await stranger.request(method, door, json=body)).json()
            nowhere = (await stranger.request(method, door.replace(room, PRIVATE), json=body)).json()
            assert answer["code"] == "room_unknown", (method, door)
            assert answer["detail"].replace(room, PRIVATE) == nowhere["detail"]
        assert (await stranger.request("DELETE", path)).json()["code"] == "forbidden"
        for frame in ("edit", "delete", "react", "pin"):
            more = {"edit": {"text": "x"}, "react": {"emoji": "👍"}}.get(frame, {})
            answer = await eve.request(frame, room=room, id=message["id"], **more)
            assert answer["code"] == "room_unknown"
        assert await http.texts(room) == ["secret"]


async def test_moderators_remove_and_authors_delete(portal: Portal, tokens: Tokens) -> None:
    async with token_mode_gateway(portal, tokens) as gateway, gateway.requests() as client:
        author, admin = tokens.by_role[Role.OPERATOR], tokens.by_role[Role.ADMIN]
        names = {}
        for one in (author, admin):
            response = await client.post(f"{CHAT}/users", json={}, headers=bearer(one))
            names[one] = bearer(response.json()["token"])
        sent = [
            (await client.post(f"{CHAT}{GENERAL}", json={"text": text}, headers=names[author])).json()
            for text in ("first", "second")
        ]
        paths = [f"{CHAT}{GENERAL}/{one['id']}" for one in sent]
        assert (await client.delete(paths[0], headers=names[author])).status_code == 204
        assert (await client.delete(paths[1], headers=names[admin])).status_code == 204
        (entry,) = await audit_entries(client, tokens, sent[1]["id"], 1)
        assert entry["action"] == "remove_message"
