"""Exits when several users share an address and browser, or name each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import pytest
import pytest_asyncio

from opsroom_testkit.waiting import PATIENCE_SECONDS
from services.gateway.tests.kit.course_clients import CourseClient, as_list, course_client, register
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

User = dict[str, str]


def name() -> str:
    return f"s-{uuid4().hex[:12]}"


@asynccontextmanager
async def guessed(address: Address, agent: str) -> AsyncIterator[tuple[User, CourseClient]]:
    """Register a user with a socket that has sent nothing yet."""
    user = await register(address, agent, name())
    async with course_client(address, agent) as client:
        await client.until_own_message()
        yield user, client


@asynccontextmanager
async def claimed(address: Address, agent: str) -> AsyncIterator[tuple[User, CourseClient]]:
    """Register a user whose socket has named them."""
    async with guessed(address, agent) as (user, client):
        await client.send({"type": "send", "message": "me", "user": user})
        await client.until_own_message()
        yield user, client


async def listed(address: Address) -> list[User]:
    """Return the user list that a new socket gets."""
    async with course_client(address, f"witness-{uuid4().hex}") as witness:
        users = as_list(await witness.receive())
    assert users is not None
    return users


@pytest.mark.parametrize("sender", [guessed, claimed])
@pytest.mark.parametrize("named", [guessed, claimed])
async def test_an_exit_that_names_a_user_of_another_browser_removes_nobody(
    address: Address, agent: str, sender: object, named: object
) -> None:
    async with AsyncExitStack() as stack:
        victim, _ = await stack.enter_async_context(named(address, f"other-{agent}"))  # type: ignore[operator]
        me, mine = await stack.enter_async_context(sender(address, agent))  # type: ignore[operator]
        for user in ({"name": victim["name"]}, victim):
            await mine.send({"type": "exit", "user": user})
        await mine.until_own_message()
        users = await listed(address)
        assert victim in users
        assert me in users


async def test_an_exit_that_names_a_claimed_user_of_the_same_browser_removes_nobody(
    address: Address, agent: str
) -> None:
    async with claimed(address, agent) as (me, mine), claimed(address, agent) as (other, _):
        await mine.send({"type": "exit", "user": {"name": other["name"]}})
        await mine.until_own_message()
        users = await listed(address)
        assert other in users
        assert me in users


async def test_an_exit_from_a_wrongly_guessed_socket_removes_only_its_own_user(
    address: Address, agent: str
) -> None:
    anna, boris = await register(address, agent, name()), await register(address, agent, name())
    async with course_client(address, agent) as annas, course_client(address, agent) as boris_own:
        await annas.until_own_message()
        await boris_own.until_own_message()
        await annas.send({"type": "exit", "user": {"name": anna["name"]}})
        await annas.until_own_message()
        users = await listed(address)
        assert anna not in users
        assert boris in users


async def test_an_exit_can_name_its_user_as_an_object(address: Address, agent: str) -> None:
    user = await register(address, f"registered by another program than {agent}", name())
    async with course_client(address, agent) as client:
        await client.send({"type": "exit", "user": {"name": user}})
        await client.until_own_message()
        assert user not in await listed(address)


@pytest_asyncio.fixture(loop_scope="module")
async def hasty(portal: Portal) -> AsyncIterator[Address]:
    """A gateway with a binding timeout short enough to wait for."""
    async with serving(portal.url, gateway_settings(course_binding_seconds=3.0)) as gateway:
        yield gateway


async def test_a_corrected_guess_removes_nobody_from_the_list(hasty: Address, agent: str) -> None:
    first, second = await register(hasty, agent, name()), await register(hasty, agent, name())
    async with course_client(hasty, agent) as firsts:  # bound to the second user, who registered last
        await firsts.send({"type": "send", "message": "I am the first", "user": {"name": first["name"]}})
        await firsts.until_own_message()
        users = await listed(hasty)
        assert first in users
        assert second in users
        async with course_client(hasty, agent) as seconds:
            await seconds.until_own_message()
            assert second in await listed(hasty)
        await gone(hasty, second)
        assert first in await listed(hasty)


async def test_a_displaced_user_without_a_socket_leaves_the_list_in_time(hasty: Address, agent: str) -> None:
    first, second = await register(hasty, agent, name()), await register(hasty, agent, name())
    async with course_client(hasty, agent) as firsts:
        await firsts.send({"type": "send", "message": "I am the first", "user": {"name": first["name"]}})
        await firsts.until_own_message()
        await gone(hasty, second)
        assert first in await listed(hasty)


async def gone(address: Address, user: User) -> None:
    """Wait until a user is off the list."""
    async with asyncio.timeout(PATIENCE_SECONDS), course_client(address, f"witness-{uuid4().hex}") as witness:
        while user in (as_list(await witness.receive()) or [user]):
            pass
