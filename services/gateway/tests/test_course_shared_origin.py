"""Who leaves and who stays where several people share one address and browser, or speak of each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import pytest
import pytest_asyncio

from opsroom_testkit.waiting import PATIENCE_SECONDS
from services.gateway.tests.course_clients import CourseClient, as_list, course_client, register
from services.gateway.tests.portal import Address, Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

User = dict[str, str]


def name() -> str:
    return f"s-{uuid4().hex[:12]}"


@asynccontextmanager
async def guessed(address: Address, agent: str) -> AsyncIterator[tuple[User, CourseClient]]:
    """Someone registered, with a socket that has said nothing yet."""
    user = await register(address, agent, name())
    async with course_client(address, agent) as client:
        await client.until_own_message()
        yield user, client


@asynccontextmanager
async def claimed(address: Address, agent: str) -> AsyncIterator[tuple[User, CourseClient]]:
    """Someone registered whose socket has said whose it is."""
    async with guessed(address, agent) as (user, client):
        await client.send({"type": "send", "message": "me", "user": user})
        await client.until_own_message()
        yield user, client


async def listed(address: Address) -> list[User]:
    """Who is on the list, as a newcomer is told."""
    async with course_client(address, f"witness-{uuid4().hex}") as witness:
        people = as_list(await witness.receive())
    assert people is not None
    return people


@pytest.mark.parametrize("sender", [guessed, claimed])
@pytest.mark.parametrize("named", [guessed, claimed])
async def test_an_exit_that_names_somebody_at_another_browser_removes_neither(
    address: Address, agent: str, sender: object, named: object
) -> None:
    async with AsyncExitStack() as stack:
        victim, _ = await stack.enter_async_context(named(address, f"other-{agent}"))  # type: ignore[operator]
        me, mine = await stack.enter_async_context(sender(address, agent))  # type: ignore[operator]
        for user in ({"name": victim["name"]}, victim):
            await mine.send({"type": "exit", "user": user})
        await mine.until_own_message()
        people = await listed(address)
        assert victim in people
        assert me in people


async def test_an_exit_that_names_somebody_known_at_the_same_browser_removes_neither(
    address: Address, agent: str
) -> None:
    async with claimed(address, agent) as (me, mine), claimed(address, agent) as (other, _):
        await mine.send({"type": "exit", "user": {"name": other["name"]}})
        await mine.until_own_message()
        people = await listed(address)
        assert other in people
        assert me in people


async def test_an_exit_by_a_socket_that_was_taken_for_the_others_removes_only_its_own(
    address: Address, agent: str
) -> None:
    anna, boris = await register(address, agent, name()), await register(address, agent, name())
    async with course_client(address, agent) as annas, course_client(address, agent) as boris_own:
        await annas.until_own_message()
        await boris_own.until_own_message()
        await annas.send({"type": "exit", "user": {"name": anna["name"]}})
        await annas.until_own_message()
        people = await listed(address)
        assert anna not in people
        assert boris in people


async def test_an_exit_may_name_its_user_as_an_object(address: Address, agent: str) -> None:
    user = await register(address, f"registered by another program than {agent}", name())
    async with course_client(address, agent) as client:
        await client.send({"type": "exit", "user": {"name": user}})
        await client.until_own_message()
        assert user not in await listed(address)


@pytest_asyncio.fixture(loop_scope="module")
async def hasty(portal: Portal) -> AsyncIterator[Address]:
    """A gateway where a registration waits for its socket so shortly that a test can wait for the end."""
    async with serving(portal.url, gateway_settings(course_binding_seconds=3.0)) as gateway:
        yield gateway


async def test_a_socket_put_right_before_the_other_opens_takes_nobody_off(hasty: Address, agent: str) -> None:
    first, second = await register(hasty, agent, name()), await register(hasty, agent, name())
    async with course_client(hasty, agent) as firsts:  # taken for the second's, who registered last
        await firsts.send({"type": "send", "message": "I am the first", "user": {"name": first["name"]}})
        await firsts.until_own_message()
        people = await listed(hasty)
        assert first in people
        assert second in people
        async with course_client(hasty, agent) as seconds:
            await seconds.until_own_message()
            assert second in await listed(hasty)
        await gone(hasty, second)
        assert first in await listed(hasty)


async def test_someone_whose_socket_was_anothers_after_all_and_never_opens_one_leaves_in_time(
    hasty: Address, agent: str
) -> None:
    first, second = await register(hasty, agent, name()), await register(hasty, agent, name())
    async with course_client(hasty, agent) as firsts:
        await firsts.send({"type": "send", "message": "I am the first", "user": {"name": first["name"]}})
        await firsts.until_own_message()
        await gone(hasty, second)
        assert first in await listed(hasty)


async def gone(address: Address, user: User) -> None:
    """Wait until a person is off the list."""
    async with asyncio.timeout(PATIENCE_SECONDS), course_client(address, f"witness-{uuid4().hex}") as witness:
        while user in (as_list(await witness.receive()) or [user]):
            pass
