"""Many course clients that join, leave, disconnect and return at random: the list ends up correct."""

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
from services.gateway.tests.kit.course_clients import as_list, course_client
from services.gateway.tests.kit.portal import Address, Portal, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIENTS, STEPS = 8, 12


@dataclass(slots=True)
class RandomClient:
    """A browser with one page that acts at random."""

    addresses: list[Address]
    rng: random.Random
    agent: str = field(default_factory=lambda: f"wanderer-{uuid4().hex}")
    name: str = field(default_factory=lambda: f"w-{uuid4().hex[:12]}")
    user: dict[str, str] | None = None
    socket: ClientConnection | None = None

    async def step(self) -> None:
        """Do one random action that is possible now."""
        if self.socket is None:
            await (self.register() if self.user is None and self.rng.random() < 0.7 else self.open())
            return
        if self.user is None:
            await self.rng.choice([self.register, self.register, self.close, self.send_message])()
            return
        await self.rng.choice(
            [self.send_message, self.send_message, self.exit, self.close, self.disconnect]
        )()

    async def register(self) -> None:
        async with self.rng.choice(self.addresses).requests(self.agent) as http:
            # The name becomes free once the service knows that the user is gone.
            response = await until_answer(
                partial(http.post, "/chat/new-user", json={"name": self.name}),
                lambda response: response.status_code != 409,
            )
        assert response.status_code == 200, response.text
        self.user = response.json()["user"]
        await self.until_listed(listed=True)

    async def until_listed(self, *, listed: bool) -> None:
        """Wait until all gateways agree: they get changes at different times."""
        for address in self.addresses:
            async with address.requests() as http:
                await until_answer(
                    partial(http.get, "/api/v1/chat/users"),
                    lambda response: (self.user in response.json()["users"]) is listed,
                )

    async def open(self) -> None:
        url = self.rng.choice(self.addresses).ws + "/chat"
        self.socket = await connect(url, user_agent_header=self.agent, compression=None, max_queue=None)

    async def send_message(self) -> None:
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

    async def disconnect(self) -> None:
        assert self.socket is not None
        self.socket.transport.abort()
        await self.gone()

    async def gone(self) -> None:
        """Wait until the user has left: a client that returns sooner keeps its place."""
        if self.user is not None:
            await self.until_listed(listed=False)
        self.socket = self.user = None


@pytest.mark.parametrize("seed", range(2))
async def test_the_list_is_correct_after_random_joins_and_leaves(portal: Portal, seed: int) -> None:
    async with AsyncExitStack() as stack:
        second = await stack.enter_async_context(serving(portal.url))
        clients = [
            RandomClient([portal.gateway, second], random.Random(f"{seed}.{number}"))
            for number in range(CLIENTS)
        ]

        async def run(one: RandomClient) -> None:
            for _ in range(STEPS):
                await one.step()

        await asyncio.gather(*(run(one) for one in clients))
        for one in clients:
            if one.socket is not None:
                stack.push_async_callback(one.socket.close)
        expected = sorted(one.name for one in clients if one.user is not None and one.socket is not None)
        # Users who registered and never connected stay listed for the grace period, and so do
        # those of earlier runs.
        known = {one.name for one in clients if one.user is None or one.socket is not None}
        async with asyncio.timeout(PATIENCE_SECONDS):
            for address in (portal.gateway, second):
                while True:
                    async with course_client(address, "witness") as witness:
                        names = sorted(person["name"] for person in as_list(await witness.receive()) or [])
                    if [name for name in names if name in known] == expected:
                        break
