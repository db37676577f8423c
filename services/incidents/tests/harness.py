"""Test harness of the incidents service: somebody who says commands, and processes that do them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import uuid4

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import Message, SendReply, SendRequest
from opsroom_contracts.cloud.commands import InstanceState
from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.identity import Role
from opsroom_contracts.incidents.calls import CommandCaller, CommandOrder
from opsroom_contracts.incidents.grammar import word_of
from opsroom_contracts.incidents.posts import OPSROOM
from opsroom_incidents.service import incidents_service
from opsroom_incidents.settings import IncidentsSettings
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.processes import ServiceProcess
from opsroom_testkit.processes import service as process_of
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat
from services.cloud.tests.harness import Cloud

ACK_SECONDS = 1.0
"""How soon a command of a dead process is taken by another one."""
SECONDS = 60.0


def settings(**changes: object) -> IncidentsSettings:
    """Return settings with short times, regardless of the environment."""
    return IncidentsSettings().model_copy(update={"command_ack_seconds": ACK_SECONDS, **changes})


def service(broker: NatsConnection, **changes: object) -> AbstractAsyncContextManager[asyncio.Event]:
    """Run the whole service in this process."""
    return incidents_service(broker, settings(**changes))


@asynccontextmanager
async def process(url: str, folder: Path, **more: str) -> AsyncIterator[ServiceProcess]:
    """Run the service as a process; it is killed at the end of the block. ``more``: of its environment."""
    environ = {
        "NATS_URL": url,
        "INCIDENTS_COMMAND_ACK_SECONDS": str(ACK_SECONDS),
        "LOG_LEVEL": "INFO",
        **more,
    }
    async with process_of("incidents", folder, **environ) as started:
        yield started


class Room:
    """Somebody in a room who says commands, as the gateway has authorized them."""

    def __init__(self, broker: NatsConnection, user_id: str, name: str) -> None:
        self.chat = Chat(broker, patience=SECONDS)
        self.cloud = Cloud(broker)
        self.user_id = user_id
        self.caller = CommandCaller(
            actor=name, identity=f"user:{user_id}", address="192.0.2.7", role=Role.OPERATOR
        )

    async def say(
        self,
        text: str,
        key: str | None = None,
        *,
        room: str = "general",
        thread: str | None = None,
        bot: str | None = None,
    ) -> SendReply:
        """Say a command; return what was stored."""
        request = SendRequest(
            user_id=self.user_id,
            client_id=key or uuid4().hex,
            room=room,
            text=text,
            thread=thread,
            command=CommandOrder(name=word_of(text), caller=self.caller, bot=bot),
        )
        return await self.chat.requester.request(endpoints.SEND, request)

    async def replies(self) -> list[Message]:
        """Return all replies of the portal in the room, in their order."""
        await self.chat.lease("g1")  # it would expire in a test that takes longer
        return [one for one in await self.chat.everything() if one.user.id == OPSROOM.id]

    async def until_replies(self, count: int) -> list[Message]:
        """Wait until the portal has replied so often."""
        return await until_answer(self.replies, lambda found: len(found) >= count, SECONDS)

    async def until(self, holds: Callable[[list[Message]], bool]) -> None:
        """Wait until something holds for the replies."""
        await until_answer(self.replies, holds, SECONDS)

    async def ask(self, text: str, **more: str) -> str:
        """Say a command and return the text of the reply."""
        before = len(await self.replies())
        await self.say(text, **more)
        return (await self.until_replies(before + 1))[before].text

    async def servers(self) -> dict[str, Instance]:
        """Return the servers by their names."""
        return {one.name: one for one in (await self.cloud.page()).instances}


async def until_state(room: Room, name: str, wanted: InstanceState) -> None:
    """Wait until a server is in a state, with nothing pending."""
    await until_answer(
        room.servers,
        lambda found: name in found and found[name].state is wanted and found[name].pending is None,
        SECONDS,
    )
