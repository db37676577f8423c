"""The order of a sender's messages at real sockets, while processes are killed (SIGKILL)."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.processes import ServiceProcess, gateway, service
from opsroom_testkit.waiting import until
from services.gateway.tests.kit.api_clients import Person, person, token_of
from services.gateway.tests.kit.course_clients import CourseClient, course_client, register
from services.gateway.tests.kit.portal import Address

MESSAGES = 600
IN_FLIGHT = 40


class NotStoredError(Exception):
    """The server could not store a message now."""


class Sender:
    """A client with ``IN_FLIGHT`` messages unacknowledged, which it sends again after it has reconnected."""

    def __init__(self, name: str, token: str, gateways: list[Address]) -> None:
        self.texts = [f"{name} {n}" for n in range(MESSAGES)]
        self.acknowledged = 0
        self._token = token
        self._gateways = gateways

    async def run(self) -> None:
        attempt = 0
        while self.acknowledged < MESSAGES:
            address = self._gateways[attempt % len(self._gateways)]
            attempt += 1
            with suppress(ConnectionClosed, InvalidHandshake, OSError, NotStoredError):
                async with person(address, self._token) as connected:
                    await self._send(connected)

    async def _send(self, connected: Person) -> None:
        following = self.acknowledged
        while self.acknowledged < MESSAGES:
            while following < min(MESSAGES, self.acknowledged + IN_FLIGHT):
                text = self.texts[following]
                await connected.send({"type": "send", "clientId": text, "room": "general", "text": text})
                following += 1
            reply = await connected.receive("ack", "error")
            if reply["type"] == "error":
                raise NotStoredError(reply["code"])
            assert reply["clientId"] == self.texts[self.acknowledged], "acknowledged in another order"
            self.acknowledged += 1


async def stored_texts(address: Address) -> list[str]:
    """Return the texts of all messages, read from the history page by page."""
    found: list[str] = []
    after = 0
    async with address.requests() as client:
        while True:
            url = f"/api/v1/chat/rooms/general/messages?after={after}&limit=200"
            page = (await client.get(url)).json()
            found += [message["text"] for message in page["messages"]]
            if "next" not in page:
                return found
            after = page["next"]


class Portal:
    """Two chat processes and two gateways; one of each can be killed and replaced."""

    def __init__(self, url: str, folder: Path, stack: AsyncExitStack) -> None:
        self._url = url
        self._folder = folder
        self._stack = stack
        self.gateways: list[Address] = []
        self._chats: list[ServiceProcess] = []
        self._gateway_processes: list[ServiceProcess] = []

    async def start(self) -> None:
        for _ in range(2):
            await self._start_chat()
        await self._stack.enter_async_context(service("cloud", self._folder, NATS_URL=self._url))
        for _ in range(2):
            await self._start_gateway()

    async def replace_chat(self) -> None:
        await self._chats.pop(0).kill()
        await self._start_chat()

    async def replace_gateway(self) -> None:
        await self._gateway_processes.pop(0).kill()
        self.gateways.pop(0)
        await self._start_gateway()

    async def _start_chat(self) -> None:
        self._chats.append(
            await self._stack.enter_async_context(service("chat", self._folder, NATS_URL=self._url))
        )

    async def _start_gateway(self) -> None:
        process, port = await self._stack.enter_async_context(gateway(self._folder, NATS_URL=self._url))
        self._gateway_processes.append(process)
        self.gateways.append(Address(port))


async def test_messages_keep_their_order_while_processes_are_killed(
    broker_process: BrokerProcess, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        portal = Portal(broker_process.url, tmp_path, stack)
        await portal.start()
        tokens = [await token_of(portal.gateways[0], name) for name in ("anna", "boris")]
        senders = [Sender(f"sender {n}", token, portal.gateways) for n, token in enumerate(tokens)]

        async def reach(progress: int) -> None:
            await until(lambda: sum(one.acknowledged for one in senders) > progress, 60)

        async def crash() -> None:
            await reach(200)
            await portal.replace_chat()
            await reach(600)
            await portal.replace_gateway()
            await reach(900)
            await portal.replace_chat()

        async with asyncio.TaskGroup() as group:
            for one in senders:
                group.create_task(one.run())
            group.create_task(crash())
        stored = await stored_texts(portal.gateways[0])
    for one in senders:
        mine = set(one.texts)
        assert [text for text in stored if text in mine] == one.texts


async def test_frames_of_a_course_client_keep_their_order_while_a_chat_process_is_killed(
    broker_process: BrokerProcess, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        portal = Portal(broker_process.url, tmp_path, stack)
        await portal.start()
        address = portal.gateways[0]
        user = await register(address, "a browser", "anna")
        async with (
            course_client(address, "a browser") as sender,
            course_client(portal.gateways[1], "other") as reader,
        ):
            await sender.sees(user)
            frames = [json.dumps({"type": "send", "message": f"{n}", "user": user}) for n in range(MESSAGES)]

            async def flood(client: CourseClient) -> None:
                for frame in frames:
                    await client.send(frame)

            async def read(client: CourseClient) -> list[str | bytes]:
                return [await client.message() for _ in frames]

            async with asyncio.TaskGroup() as group:
                group.create_task(flood(sender))
                received = group.create_task(read(reader))
                await until(lambda: len(reader.seen) > MESSAGES // 4, 60)
                await portal.replace_chat()
        assert received.result() == frames
