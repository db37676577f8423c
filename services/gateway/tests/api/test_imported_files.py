"""Files and pins of imported messages over HTTP: who may upload, and which messages get the files."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.identity import Role
from services.gateway.tests.api.test_imports import ANN, IMPORTS, message, room
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.rooms import RoomUser
from services.gateway.tests.kit.token_mode import Tokens, token_mode_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTENT = b"all is well\n" * 100
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NOTHING = {"rooms": 0, "members": 0, "messages": 0, "pins": 0}
PIN = {"type": "pin", "room": "C1", "message": "1", "person": ANN, "at": "2017-12-01T00:00:00.000Z"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """A token file with one token per role."""
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(portal: Portal, tokens: Tokens) -> AsyncIterator[Address]:
    """A gateway in token mode."""
    async with token_mode_gateway(portal, tokens) as address:
        yield address


class Import:
    """An import from one source, by an admin."""

    def __init__(self, client: httpx.AsyncClient, token: dict[str, str]) -> None:
        self.client = client
        self.token = token
        self.source = f"test.{uuid4().hex[:8]}"

    async def store(self, *records: dict[str, Any]) -> dict[str, Any]:
        """Store records."""
        body = {"source": self.source, "records": records}
        response = await self.client.post(IMPORTS, json=body, headers=self.token)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def upload(self, content: bytes = CONTENT, **changed: Any) -> httpx.Response:
        """Upload a file of the first message."""
        meant: dict[str, Any] = {"room": "C1", "message": "1", "digest": DIGEST, "name": "a.txt"} | changed
        params = {"source": self.source} | meant
        return await self.client.post(f"{IMPORTS}/files", params=params, content=content, headers=self.token)


@pytest_asyncio.fixture(loop_scope="module")
async def made(strict: Address, tokens: Tokens) -> AsyncIterator[Import]:
    """An import by an admin."""
    async with strict.requests() as client:
        yield Import(client, tokens.header(Role.ADMIN))


async def test_a_message_is_stored_once_its_files_are(made: Import, strict: Address) -> None:
    async with person(strict) as bob:
        member = {"person": {"id": "U2", "name": "bob", "account": bob.welcome["user"]["id"]}}
        records = [
            room(),
            {"type": "members", "room": "C1", "members": [member]},
            message(1, text="", files=[DIGEST, DIGEST]),
            message(2),
            PIN,
        ]
        first = await made.store(*records)
        assert first["missing"] == [{"room": "C1", "message": "1", "place": place} for place in range(2)]
        assert (first["rooms"], first["messages"], first["pins"]) == (1, 0, 0)
        for place in range(2):
            assert (await made.upload(place=place)).status_code == 201
        assert await made.store(*records) == NOTHING | {"messages": 2, "pins": 1}
        assert await made.store(*records) == NOTHING

        shown = await bob.receive("message")
        assert [(one["name"], one["size"]) for one in shown["files"]] == [("a.txt", len(CONTENT))] * 2
        user = RoomUser.of(strict, bob)
        path = f"/api/v1/chat/files/{shown['files'][0]['id']}"
        got = await made.client.get(path, headers={"Authorization": f"Bearer {user.token}"})
        assert got.content == CONTENT
        async with person(strict) as eve:
            stranger = {"Authorization": f"Bearer {RoomUser.of(strict, eve).token}"}
            assert (await made.client.get(path, headers=stranger)).json()["code"] == "file_unknown"


async def test_only_admins_upload_and_only_their_own_files_count(
    made: Import, strict: Address, tokens: Tokens
) -> None:
    await made.store(room())
    for role in (Role.MEMBER, Role.OPERATOR):
        other = Import(made.client, tokens.header(role))
        other.source = made.source
        assert (await other.upload()).json()["code"] == "forbidden"
    assert (await made.upload()).status_code == 201
    async with person(strict) as bob:
        fresh = Import(made.client, made.token)
        fresh.source = made.source
        assert (await fresh.store(message(2, files=[DIGEST])))["missing"][0]["message"] == "2"
        assert (await fresh.store(message(1, files=["0" * 64])))["missing"][0]["place"] == 0
        assert await fresh.store(message(1, files=[DIGEST])) == NOTHING | {"messages": 1}
        assert RoomUser.of(strict, bob).token


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"digest": "0" * 64}, "invalid_request"),
        ({"digest": "x"}, "invalid_request"),
        ({"room": "C9"}, "room_unknown"),
        ({"source": "test.other"}, "room_unknown"),
        ({"place": 10}, "invalid_request"),
        ({"name": ""}, "invalid_request"),
        ({"content": b"x" * 11 * 1024 * 1024}, "payload_too_large"),
    ],
)
async def test_what_can_not_be_uploaded_is_refused(made: Import, changed: dict[str, Any], code: str) -> None:
    await made.store(room())
    response = await made.upload(**changed)
    assert response.json()["code"] == code, response.text
    assert (await made.store(message(files=[DIGEST])))["missing"]


async def test_a_pin_is_imported_once(made: Import, strict: Address) -> None:
    async with person(strict) as bob:
        user = RoomUser.of(strict, bob)
        member = {"person": {"id": "U2", "name": "bob", "account": bob.welcome["user"]["id"]}}
        records = [room(), {"type": "members", "room": "C1", "members": [member]}, message(1), PIN]
        assert (await made.store(*records))["pins"] == 1
        shown = await bob.receive("message")
        pins = f"/rooms/{shown['room']}/pins"
        (pin,) = (await user.request("GET", pins)).json()["pins"]
        assert (pin["by"]["name"], pin["at"], pin["message"]["id"]) == ("ann", PIN["at"], shown["id"])
        unpinned = f"/rooms/{shown['room']}/messages/{shown['id']}/pin"
        assert (await user.request("DELETE", unpinned)).status_code == 200
        assert await made.store(*records, PIN | {"message": "not here"}) == NOTHING
        assert (await user.request("GET", pins)).json()["pins"] == []
