"""Test harness of the chat service: a NATS client, stream readers, and processes."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from opsroom_chat.service import chat_service
from opsroom_chat.settings import ChatSettings
from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import (
    Connection,
    HistoryRequest,
    JoinReply,
    JoinRequest,
    LeaveReason,
    LeaveReply,
    LeaveRequest,
    Message,
    RegisterReply,
    RegisterRequest,
    SendReply,
    SendRequest,
    UserPage,
    UsersRequest,
    WhoamiReply,
    WhoamiRequest,
)
from opsroom_contracts.errors import FAULT, ErrorCode, Fault, FaultError
from opsroom_contracts.serialization.codec import decode
from opsroom_contracts.subjects import CHAT_SERVICE, CHAT_STREAM, GATEWAYS_BUCKET, MEMBERS_STREAM
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.waiting import until_answer

START_SECONDS = 120.0
"""How long a process may take to start: on a busy machine, imports alone take longer than most waits."""
QUICK = {"closed_seconds": 0.2, "broken_seconds": 1.0, "hold_seconds": 1.0}


def settings(**changes: object) -> ChatSettings:
    """Return settings with short grace periods."""
    return ChatSettings.model_validate({**QUICK, **changes})


def service(broker: NatsConnection, **changes: object) -> AbstractAsyncContextManager[asyncio.Event]:
    """Run the whole service in this process."""
    return chat_service(broker, settings(**changes))


@asynccontextmanager
async def another(url: str, **changes: object) -> AsyncIterator[NatsConnection]:
    """Run another service in this process, on its own connection."""
    broker = await connect(url, name="another")
    try:
        async with service(broker, **changes):
            yield broker
    finally:
        await broker.close()


def connection(name: str, gateway: str = "g1") -> Connection:
    return Connection(id=name, gateway=gateway)


class Chat:
    """A client of the service over NATS that also reads the streams directly."""

    def __init__(self, broker: NatsConnection, patience: float = 30, attempt: float = 0.5) -> None:
        self.broker = broker
        self.messages = StreamReader(broker, CHAT_STREAM)
        self.members = StreamReader(broker, MEMBERS_STREAM)
        self.requester = RequestClient(broker, timeout=patience, first_timeout=attempt)

    async def register(self, name: str, **more: Any) -> RegisterReply:
        request = RegisterRequest(name=name, **more)
        return await self.requester.request(endpoints.REGISTER, request)

    async def join(self, token: str | None, socket: str = "c1", gateway: str = "g1") -> JoinReply:
        request = JoinRequest(connection=connection(socket, gateway), token=token)
        return await self.requester.request(endpoints.JOIN, request)

    async def leave(
        self, user_id: str, *sockets: str, manner: LeaveReason = LeaveReason.CLOSED
    ) -> LeaveReply:
        request = LeaveRequest(user_id=user_id, connections=sockets, manner=manner)
        return await self.requester.request(endpoints.LEAVE, request)

    async def names(self) -> list[str]:
        return [user.name for user in (await self.users()).users]

    async def users(self, **query: Any) -> UserPage:
        """Read a page of the user list."""
        return await self.requester.request(endpoints.USERS, UsersRequest(**query))

    async def whoami(self, token: str) -> WhoamiReply:
        return await self.requester.request(endpoints.WHOAMI, WhoamiRequest(token=token))

    async def send(
        self, user_id: str, text: str, client_id: str | None = None, room: str = "general"
    ) -> SendReply:
        request = SendRequest(user_id=user_id, client_id=client_id or f"id of {text}", room=room, text=text)
        return await self.requester.request(endpoints.SEND, request)

    async def history(self, room: str = "general", **query: Any) -> list[Message]:
        request = HistoryRequest(room=room, **query)
        reply = await self.requester.request(endpoints.HISTORY, request)
        return list(reply.messages)

    async def everything(self) -> list[Message]:
        """Read all messages, page by page."""
        found: list[Message] = []
        while page := await self.history(after=found[-1].seq if found else 0, limit=200):
            found.extend(page)
        return found

    async def present(self, name: str, socket: str = "c1", gateway: str = "g1") -> RegisterReply:
        """Register and join a user, and wait until they are listed."""
        registered = await self.register(name)
        await self.join(registered.token, socket, gateway)
        await self.lists(name)
        return registered

    async def lists(self, name: str, timeout: float = 15.0) -> None:
        await until_answer(self.names, lambda names: name in names, timeout)

    async def no_longer_lists(self, name: str, timeout: float = 15.0) -> None:
        await until_answer(self.names, lambda names: name not in names, timeout)

    async def until_free(self, name: str) -> RegisterReply:
        """Retry the registration of a name until it is free."""

        async def ask() -> RegisterReply | None:
            try:
                return await self.register(name, client_id=f"waits for {name}")
            except FaultError as error:
                if error.fault.code is not ErrorCode.NAME_TAKEN:
                    raise
                return None

        reply = await until_answer(ask, bool)
        assert reply is not None
        return reply

    async def lease(self, *gateways: str) -> None:
        """Write the leases of these gateways, as gateways do themselves."""
        bucket = await self.broker.jetstream.key_value(GATEWAYS_BUCKET)
        for gateway in gateways:
            await bucket.put(gateway, b"")

    async def refused(self, endpoint: endpoints.AnyEndpoint, payload: bytes | dict[str, Any]) -> Fault:
        """Send a raw request and return the error reply."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        reply = await self.broker.client.request(endpoint.subject, data, timeout=5)
        assert reply.headers is not None, reply.data
        assert reply.headers["Nats-Service-Error"]
        return decode(FAULT, reply.data)

    async def put(self, subject: str, payload: bytes) -> int:
        """Publish a raw payload, as an operator could by hand; return its sequence."""
        return (await self.broker.jetstream.publish(subject, payload)).seq


async def refusal(request: Awaitable[object]) -> Fault:
    """Return the error with which ``request`` is refused."""
    try:
        reply = await request
    except FaultError as error:
        return error.fault
    raise AssertionError(f"was not refused: {reply}")


class ChatProcess:
    """``python -m opsroom_chat`` as a subprocess. ``index``: the folder of its message index."""

    def __init__(self, url: str, index: Path | None = None) -> None:
        grace_periods = {f"CHAT_{name.upper()}": str(value) for name, value in QUICK.items()}
        self._environment = {**os.environ, "NATS_URL": url, "LOG_LEVEL": "WARNING", **grace_periods}
        if index is not None:
            self._environment["CHAT_INDEX_DIR"] = str(index)
        self._process: Process | None = None

    async def start(self, client: RequestClient) -> None:
        """Start it, and wait until some chat process responds."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "opsroom_chat", env=self._environment, stderr=DEVNULL
        )
        await until_answer(lambda: client.is_responding(CHAT_SERVICE), bool, START_SECONDS)

    async def kill(self) -> None:
        """Kill it, as a crash would, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> int | None:
        """Stop it gracefully; return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return await self._process.wait()


@asynccontextmanager
async def process(url: str, client: RequestClient, index: Path | None = None) -> AsyncIterator[ChatProcess]:
    """Start a process; it is killed at the end of the block."""
    chat = ChatProcess(url, index)
    try:
        await chat.start(client)
        yield chat
    finally:
        await chat.kill()
