"""Bots that offer commands, for tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import nats
from nats.micro import add_service
from nats.micro.request import Request
from nats.micro.service import EndpointConfig, ServiceConfig

from opsroom_contracts.incidents.bot_commands import bot_author
from opsroom_messaging.client.credentials import Credentials
from services.incidents.tests.harness import Room

Answer = Callable[[Request], Awaitable[None]]


@asynccontextmanager
async def running_bot(
    url: str,
    name: str,
    answer: Answer,
    credentials: Credentials | None = None,
    command: str = "deploy",
    **metadata: str,
) -> AsyncIterator[None]:
    """Run the bot ``name``, which offers ``/deploy``. ``metadata``: more about its command."""
    user, password = None, None
    if credentials is not None and credentials.password_file is not None:
        user, password = credentials.user, credentials.password_file.read_text().strip()
    client = await nats.connect(url, user=user, password=password)
    try:
        running = await add_service(client, ServiceConfig(name=name, version="1.0.0"))
        described = {"command": command, "help": "Deploy a service", "arguments": "SERVICE", **metadata}
        await running.add_endpoint(
            EndpointConfig(name=command, subject=f"bots.{name}.{command}", handler=answer, metadata=described)
        )
        await client.flush()
        yield
        await running.stop()
    finally:
        await client.close()


async def texts_of(room: Room, bot: str) -> list[str]:
    """Return what a bot has said in the room."""
    await room.chat.lease("g1")
    return [one.text for one in await room.chat.everything() if one.user == bot_author(bot)]
