"""The user list in pages: what a join costs others does not depend on how many there are."""

import asyncio
import json
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from opsroom_contracts.chat.models import USERS_PAGE
from services.gateway.tests.kit.api_clients import Frame, Person, person, raw_socket, token_of
from services.gateway.tests.kit.course_clients import registered
from services.gateway.tests.kit.portal import Address

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = {"userPages": True}


async def users_of(reader: Person) -> list[Frame]:
    """Return all users, from the welcome and the pages after it."""
    users, following = list(reader.welcome["users"]), reader.welcome.get("nextUsers")
    while following is not None:
        await reader.send({"type": "users", "after": following})
        page = await reader.receive("users")
        users += page["users"]
        following = page.get("nextUsers")
    return users


async def crowd(address: Address, count: int) -> list[str]:
    """Register course users, who are listed until their registrations end."""
    async with address.requests() as client:
        slots = asyncio.Semaphore(20)

        async def one() -> str:
            async with slots:
                return (await registered(client, f"m-{uuid4().hex[:20]}"))["id"]

        return await asyncio.gather(*(one() for _ in range(count)))


async def test_a_small_list_is_one_page(address: Address) -> None:
    async with person(address, position=PAGES) as reader:
        assert reader.welcome["userCount"] == len(reader.welcome["users"])
        assert "nextUsers" not in reader.welcome
        assert reader.welcome["user"] in reader.welcome["users"]


async def test_without_asking_for_pages_the_welcome_has_everybody(address: Address) -> None:
    ids = await crowd(address, USERS_PAGE + 1)
    async with person(address) as reader:
        assert set(ids) <= {user["id"] for user in reader.welcome["users"]}
        assert "userCount" not in reader.welcome


async def test_pages_and_changes_together_are_the_list(address: Address) -> None:
    ids = await crowd(address, USERS_PAGE + 20)
    async with person(address, position=PAGES) as reader:
        assert len(reader.welcome["users"]) == USERS_PAGE
        async with person(address, position=PAGES) as other:
            joined = (await reader.next_about(other.welcome["user"]["name"]))["user"]
            listed = await users_of(reader)
            found = {user["id"] for user in listed} | {joined["id"]}
            assert set(ids) <= found
            assert other.welcome["userCount"] >= len(ids)
            assert len({user["id"] for user in listed}) == len(listed)


async def test_the_list_over_http_has_pages(address: Address) -> None:
    ids = await crowd(address, 30)
    async with address.requests() as client:
        found: list[str] = []
        params: dict[str, str | int] = {"limit": 7}
        while True:
            page = (await client.get("/api/v1/chat/users", params=params)).json()
            assert len(page["users"]) <= 7
            found += [user["id"] for user in page["users"]]
            if "next" not in page:
                break
            params["after"] = page["next"]
        assert set(ids) <= set(found)
        assert len(found) == len(set(found))
        whole = (await client.get("/api/v1/chat/users")).json()
        assert [user["id"] for user in whole["users"]] == found
        assert (await client.get("/api/v1/chat/users", params={"after": "no cursor"})).status_code == 422


async def test_an_invalid_cursor_is_refused(address: Address) -> None:
    async with person(address) as reader:
        await reader.send({"type": "users", "after": "x"})
        error = await reader.receive("error")
        assert (error["code"], error["field"]) == ("invalid_request", "after")


async def bytes_of_a_welcome(address: Address, token: str) -> int:
    async with raw_socket(address) as socket:
        await socket.send(json.dumps({"type": "hello", "token": token, **PAGES}))
        return len(await socket.recv())


async def test_what_a_join_costs_does_not_depend_on_how_many_are_there(address: Address) -> None:
    """Counted in frames and bytes: what the others receive, and what the joining client receives."""
    token = await token_of(address)
    await crowd(address, USERS_PAGE)
    few = await bytes_of_a_welcome(address, token)
    await crowd(address, 2 * USERS_PAGE)
    assert await bytes_of_a_welcome(address, token) < few + 20
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(person(address, position=PAGES))
        names = []
        for _ in range(20):
            joined = await stack.enter_async_context(person(address, position=PAGES))
            names.append(joined.welcome["user"]["name"])
        frames = [await reader.receive("joined") for _ in names]
        assert [frame["user"]["name"] for frame in frames] == names
        assert all(len(json.dumps(frame)) < 150 for frame in frames)
