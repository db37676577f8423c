"""Several people with one address and one browser, whose sockets name nobody: who leaves, and who stays."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import pytest

from opsroom_testkit.waiting import PATIENCE_SECONDS
from services.gateway.tests.kit.course_clients import CourseClient, course_client, register
from services.gateway.tests.kit.portal import Address

pytestmark = pytest.mark.asyncio(loop_scope="module")

User = dict[str, str]


def name() -> str:
    return f"g-{uuid4().hex[:12]}"


class Room:
    """The clients of a test, all with one browser, and a witness with another one."""

    def __init__(self, stack: AsyncExitStack, address: Address, agent: str, witness: CourseClient) -> None:
        self._stack = stack
        self._address = address
        self._agent = agent
        self.witness = witness

    async def open(self) -> CourseClient:
        """Open a socket that has received its first list."""
        client = await self._stack.enter_async_context(course_client(self._address, self._agent))
        await client.receive()
        return client

    async def register(self, wanted: str | None = None) -> User:
        """Register a name, and wait until it is listed."""
        user = await register(self._address, self._agent, wanted or name())
        await self.witness.sees(user)
        return user

    async def status(self, wanted: str) -> int:
        """Return the status of a registration."""
        async with self._address.requests(self._agent) as http:
            return (await http.post("/chat/new-user", json={"name": wanted})).status_code

    async def listed(self) -> list[User]:
        """Return the user list without all who have left before, and without one who leaves now."""
        last = await register(self._address, f"last-{uuid4().hex}", name())
        async with course_client(self._address, f"other-{uuid4().hex}") as another:
            await another.send({"type": "connect", "user": last})
            await another.until_own_message()
            await self.witness.sees(last)
        return await self.witness.misses(last)


@asynccontextmanager
async def room_at(address: Address, agent: str) -> AsyncIterator[Room]:
    """Open a room."""
    async with (
        AsyncExitStack() as stack,
        course_client(address, f"witness-{uuid4().hex}") as witness,
    ):
        yield Room(stack, address, agent, witness)


async def test_of_two_people_with_one_browser_the_one_who_closes_their_socket_leaves(
    address: Address, agent: str
) -> None:
    async with room_at(address, agent) as room:
        await room.open()
        bobs = await room.open()
        ann, bob = await room.register(), await room.register()
        await bobs.socket.close()
        assert ann in await room.witness.misses(bob)


async def test_a_frame_shows_at_once_that_another_one_has_left(address: Address, agent: str) -> None:
    async with room_at(address, agent) as room:
        bobs, anns = await room.open(), await room.open()
        ann, bob = await room.register(), await room.register()  # guessed the wrong way around
        await anns.socket.close()
        await bobs.send({"type": "connect", "author": bob})
        await bobs.until_own_message()
        assert bob in await room.witness.misses(ann)
        assert bob in await room.listed()


async def test_a_socket_without_a_user_takes_over_the_user_of_one_that_closes(
    address: Address, agent: str
) -> None:
    async with room_at(address, agent) as room:
        others, anns = await room.open(), await room.open()
        ann = await room.register()
        await others.socket.close()
        await anns.until_own_message()
        assert await room.status(ann["name"]) == 409
        assert ann in await room.listed()


async def test_a_socket_over_which_somebody_exited_takes_nobody_along(address: Address, agent: str) -> None:
    async with room_at(address, agent) as room:
        bob = await room.register()
        bobs = await room.open()
        await bobs.send({"type": "exit", "user": {"name": bob["name"]}})
        await room.witness.misses(bob)
        carl = await room.register()
        carls = await room.open()
        await carls.receive()
        await bobs.socket.close()
        await carls.until_own_message()
        assert carl in await room.listed()


async def test_a_page_that_reloads_keeps_its_name_while_it_is_in_doubt_who_left(
    address: Address, agent: str
) -> None:
    async with room_at(address, agent) as room:
        await room.open()
        bobs = await room.open()
        ann, bob = await room.register(), await room.register()
        await bobs.socket.close()
        await room.open()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await room.status(bob["name"]) != 200:
                pass
        assert ann in await room.listed()


@pytest.mark.parametrize("sent", ["{} ", " {}", "{}\u3000"])
async def test_a_frame_and_a_registration_clean_a_name_in_the_same_way(
    address: Address, agent: str, sent: str
) -> None:
    async with room_at(address, agent) as room:
        wanted = sent.format(name())
        client = await room.open()
        user = await room.register(wanted)
        await client.send(json.dumps({"type": "exit", "user": {"name": wanted}}))
        await room.witness.misses(user)
