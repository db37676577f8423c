"""Many course clients that come, leave, break off and come back at random: the list ends up true."""

import asyncio
import json
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect

from opsroom_testkit.waiting import PATIENCE_SECONDS, until_answer
from services.gateway.tests.course_clients import as_list, course_client
from services.gateway.tests.portal import Address, Portal, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE, STEPS = 8, 12


@dataclass(slots=True)
class Wanderer:
    """One browser with one page, whose moves are drawn by ``dice``. ``listed``: whom the list must have."""

    addresses: list[Address]
    dice: random.Random
    agent: str = field(default_factory=lambda: f"wanderer-{uuid4().hex}")
    name: str = field(default_factory=lambda: f"w-{uuid4().hex[:12]}")
    user: dict[str, str] | None = None
    socket: ClientConnection | None = None

    async def step(self) -> None:
        """One move that a page can make now."""
        if self.socket is None:
            await (self.register() if self.user is None and self.dice.random() < 0.7 else self.open())
            return
        if self.user is None:
            await self.dice.choice([self.register, self.register, self.close, self.speak])()
            return
        await self.dice.choice([self.speak, self.speak, self.exit, self.close, self.break_off])()

    async def register(self) -> None:
        async with self.dice.choice(self.addresses).requests(self.agent) as http:
            # The name is free again as soon as the service knows that one is gone.
            answer = await until_answer(
                partial(http.post, "/chat/new-user", json={"name": self.name}),
                lambda answer: answer.status_code != 409,
            )
        assert answer.status_code == 200, answer.text
        self.user = answer.json()["user"]
        await self.until_listed(listed=True)

    async def until_listed(self, *, listed: bool) -> None:
        """What one gateway is told takes the other a moment to hear."""
        for address in self.addresses:
            async with address.requests() as http:
                await until_answer(
                    partial(http.get, "/api/v1/chat/users"),
                    lambda answer: (self.user in answer.json()["users"]) is listed,
                )

    async def open(self) -> None:
        url = self.dice.choice(self.addresses).ws + "/chat"
        self.socket = await connect(url, user_agent_header=self.agent, compression=None, max_queue=None)

    async def speak(self) -> None:
        assert self.socket is not None
        user = self.user or {"name": "nobody"}
        frame = json.dumps({"type": "send", "message": uuid4().hex, "user": user})
        await self.socket.send(frame)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.socket.recv() != frame:
                pass

    async def exit(self) -> None:
        assert self.socket is not None
        assert self.user is not None
        await self.socket.send(json.dumps({"type": "exit", "user": {"name": self.user["name"]}}))
        await self.until_listed(listed=False)
        self.user = None

    async def close(self) -> None:
        assert self.socket is not None
        await self.socket.close()
        await self.gone()

    async def break_off(self) -> None:
        assert self.socket is not None
        self.socket.transport.abort()
        await self.gone()

    async def gone(self) -> None:
        """Whoever comes back sooner has not left: they keep their place on the list."""
        if self.user is not None:
            await self.until_listed(listed=False)
        self.socket = self.user = None


@pytest.mark.parametrize("seed", range(2))
async def test_the_list_is_true_after_all_that_people_do(portal: Portal, seed: int) -> None:
    async with AsyncExitStack() as stack:
        second = await stack.enter_async_context(serving(portal.url))
        wanderers = [
            Wanderer([portal.gateway, second], random.Random(f"{seed}.{number}")) for number in range(PEOPLE)
        ]

        async def wander(one: Wanderer) -> None:
            for _ in range(STEPS):
                await one.step()

        await asyncio.gather(*(wander(one) for one in wanderers))
        for one in wanderers:
            if one.socket is not None:
                stack.push_async_callback(one.socket.close)
        expected = sorted(one.name for one in wanderers if one.user is not None and one.socket is not None)
        # Whoever registered and never connected is on the list for as long as a name is kept, and so are
        # those of the run before.
        known = {one.name for one in wanderers if one.user is None or one.socket is not None}
        async with asyncio.timeout(PATIENCE_SECONDS):
            for address in (portal.gateway, second):
                while True:
                    async with course_client(address, "witness") as witness:
                        names = sorted(person["name"] for person in as_list(await witness.receive()) or [])
                    if [name for name in names if name in known] == expected:
                        break
