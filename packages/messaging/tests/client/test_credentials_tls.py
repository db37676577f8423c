"""Mutual TLS with the broker: NATS_TLS_CA, NATS_TLS_CERT and NATS_TLS_KEY."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opsroom_messaging.client.connection import connect
from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.errors import BrokerUnusableError
from opsroom_testkit.broker import BrokerProcess

TIMEOUT_SECONDS = 3.0
UNANSWERED_SECONDS = 1.0
_INFO = b'INFO {"server_id":"x","version":"2.12.0","proto":1,"max_payload":1048576,"tls_required":true}\r\n'


class TlsBroker(BrokerProcess):
    """A broker that requires a client certificate of its CA."""

    def __init__(self, folder: Path, cert: Path, key: Path) -> None:
        super().__init__(folder)
        self._cert, self._key = cert, key

    def _storage(self) -> str:
        files = f'cert_file: "{self._cert}", key_file: "{self._key}", ca_file: "{self._cert}"'
        return f"{super()._storage()}\ntls {{ {files}, verify: true }}"


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    named = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1")
    command = ["openssl", "req", *kind, *named, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return cert, key


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[TlsBroker]:
    """A broker for one test."""
    process = TlsBroker(tmp_path, *certificate(tmp_path, "ours"))
    await process.start()
    yield process
    await process.stop()


async def test_only_clients_with_the_right_certificate_connect(broker: TlsBroker, tmp_path: Path) -> None:
    cert, key = tmp_path / "ours.pem", tmp_path / "ours.key"
    connection = await connect(
        broker.url, name="chat", credentials=Credentials(tls_ca=cert, tls_cert=cert, tls_key=key)
    )
    assert connection.connected
    assert connection.client.connected_server_version.major == 2
    await connection.close()
    other_cert, other_key = certificate(tmp_path, "theirs")
    rejected = (
        Credentials(),
        Credentials(tls_ca=cert),
        Credentials(tls_ca=cert, tls_cert=other_cert, tls_key=other_key),
        # The broker's certificate is not from this CA.
        Credentials(tls_ca=other_cert, tls_cert=cert, tls_key=key),
    )
    attempts = (
        connect(broker.url, name="chat", credentials=one, timeout=TIMEOUT_SECONDS) for one in rejected
    )
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert [result for result in results if not isinstance(result, BrokerUnusableError)] == []


async def test_a_broker_that_ends_no_handshake_is_given_up() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_INFO)
        await reader.read()  # until the client hangs up
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        attempt = connect(f"nats://127.0.0.1:{port}", name="chat", timeout=UNANSWERED_SECONDS)
        with pytest.raises(BrokerUnusableError, match="no NATS server answered"):
            # Within this time also if the machine is busy; without a limit, never.
            await asyncio.wait_for(attempt, 30)
