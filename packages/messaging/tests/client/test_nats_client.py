"""The order in which the client of nats-py writes, and what the stop of a service unsubscribes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats import micro
from nats.aio.msg import Msg
from nats.micro.request import Request

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.nats_client import NatsClient, SubscriptionRecorder

INFO = {"server_id": "x", "version": "2.12.0", "headers": True, "max_payload": 1048576, "proto": 1}


@asynccontextmanager
async def recording_server() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A fake nats-server that only answers PING. Yields its URL and the commands that it receives."""
    commands: list[bytes] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(b"INFO " + json.dumps(INFO).encode() + b"\r\n")
        while line := await reader.readline():
            commands.append(line.split()[0])
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}", commands
        for writer in writers:
            writer.close()
            await writer.wait_closed()


async def test_a_drain_waits_for_a_reply_to_a_ping_after_its_unsubscribe() -> None:
    """The library alone sends the ping first: then a service loses requests when it stops."""

    async def ignore(_message: Msg) -> None:
        return

    async with recording_server() as (url, commands):
        client = NatsClient()
        await client.connect(url)
        subscription = await client.subscribe("x", cb=ignore)
        await subscription.drain()  # type: ignore[no-untyped-call]
        assert b"PING" in commands[commands.index(b"UNSUB") :]
        await client.close()


async def test_a_recorder_has_all_subscriptions_of_a_service(broker: NatsConnection) -> None:
    async def ignore(_request: Request) -> None:
        return

    recorder = SubscriptionRecorder(broker.client)
    service = await micro.add_service(recorder, name="test", version="1.2.3")  # type: ignore[arg-type]
    await service.add_endpoint(name="one", subject="test.one", handler=ignore)
    subjects = [subscription.subject for subscription in recorder.subscriptions]
    ends = ("", ".test", f".test.{service.id}")
    controls = {f"$SRV.{verb}{end}" for verb in ("PING", "INFO", "STATS") for end in ends}
    assert set(subjects) == {*controls, "test.one"}
    assert subjects[-1] == "test.one"
    await service.stop()
