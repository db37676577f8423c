"""Connecting, and the one-line errors if that is impossible."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opsroom_messaging.client.connection import NatsConnection, connect, unconnected
from opsroom_messaging.errors import BrokerUnusableError
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until

INFO = {
    "server_id": "OLD",
    "server_name": "old",
    "go": "go1.19",
    "host": "127.0.0.1",
    "port": 4222,
    "headers": True,
    "max_payload": 1048576,
    "proto": 1,
    "client_id": 1,
    "jetstream": True,
}


class WithoutJetStream(BrokerProcess):
    """A nats-server without JetStream."""

    def _storage(self) -> str:
        return ""


@asynccontextmanager
async def server_of_version(version: str) -> AsyncIterator[str]:
    """A fake nats-server of ``version`` that only answers PING."""
    writers: list[asyncio.StreamWriter] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(b"INFO " + json.dumps({**INFO, "version": version}).encode() + b"\r\n")
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for writer in writers:
            writer.close()
            await writer.wait_closed()


@pytest.mark.parametrize("version", ["2.9.10", "2.11.99"])
async def test_an_old_server_is_rejected_with_both_versions(version: str) -> None:
    async with server_of_version(version) as url:
        with pytest.raises(BrokerUnusableError) as rejected:
            await connect(url, name="test")
    assert str(rejected.value) == f"NATS server {version} is too old: Opsroom needs 2.12 or newer"


async def test_without_a_server_the_error_is_one_line_after_the_timeout(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, but not listening
        address = f"127.0.0.1:{held.getsockname()[1]}"
        # The message must leave out the password in the URL.
        with pytest.raises(BrokerUnusableError, match=f"no NATS server answered at {address} within 0.5 s"):
            await connect(f"nats://ann:secret@{address}", name="test", timeout=0.5)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_silent_server_times_out(broker_process: BrokerProcess) -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    async with server:
        url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(BrokerUnusableError, match="no NATS server answered"):
            await connect(url, name="test", timeout=0.3)


@pytest.mark.parametrize("url", ["", "nats://", "nats://127.0.0.1:notaport", "nats://ok:4222,nats://:1"])
async def test_a_malformed_url_is_rejected_in_one_line(url: str) -> None:
    with pytest.raises(BrokerUnusableError, match="is no address of a NATS server"):
        await connect(url, name="test", timeout=1)


async def test_a_server_without_jetstream_is_rejected(tmp_path: Path) -> None:
    process = WithoutJetStream(tmp_path)
    await process.start()
    with pytest.raises(BrokerUnusableError, match="JetStream is not enabled"):
        await connect(process.url, name="test")
    await process.stop()


async def test_one_reachable_server_of_several_is_enough(broker_process: BrokerProcess) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        dead = f"nats://127.0.0.1:{held.getsockname()[1]}"
        broker = await connect(f"{dead}, {broker_process.url}", name="test")
        assert broker.connected
        await broker.close()


async def test_reconnect_callbacks_are_called(broker: NatsConnection, broker_process: BrokerProcess) -> None:
    calls: list[bool] = []
    broker.on_reconnect(lambda: calls.append(broker.connected))
    await broker_process.kill()
    await until(lambda: not broker.connected)
    await broker_process.start()
    await until(lambda: calls == [True])
    assert broker.connected


async def test_closing_while_disconnected_raises_nothing_with_a_buffered_message(
    tmp_path: Path,
) -> None:
    process = BrokerProcess(tmp_path)
    await process.start()
    broker = await connect(process.url, name="test")
    await process.kill()
    await until(lambda: not broker.connected)
    await broker.publish("no.subscriber", b"lost")
    await broker.close()
    assert broker.client.is_closed


async def test_another_connection_of_a_process_shares_its_metrics(broker: NatsConnection) -> None:
    another = await broker.open_another()
    try:
        assert another.metrics is broker.metrics
        assert another.client is not broker.client
        await broker.client.drain()
        await another.client.flush()  # it outlives the first one
    finally:
        await another.close()
    with pytest.raises(BrokerUnusableError, match="never opened"):
        await unconnected().open_another()
