"""Credentials: NATS_CREDENTIALS_FILE with a broker that uses JWTs, and invalid settings."""

import json
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import nkeys  # type: ignore[import-untyped]
import pytest

from opsroom_messaging.client.connection import connect
from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.errors import BrokerUnusableError, CredentialsError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks
from opsroom_testkit.broker import BrokerProcess

UNLIMITED = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
STORED = ("mem_storage", "disk_storage", "streams", "consumer")


class Party:
    """An operator, an account or a user: its seed, and JWTs that it signs."""

    def __init__(self, prefix: int) -> None:
        self.seed: bytes = nkeys.encode_seed(os.urandom(32), prefix)
        self._pair = nkeys.from_seed(bytearray(self.seed))
        self.name: str = self._pair.public_key.decode()

    def sign(self, about: "Party", claims: dict[str, Any]) -> str:
        """A NATS JWT about ``about`` with ``claims``."""
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        body = {"iss": self.name, "sub": about.name, "iat": int(time.time()), "nats": claims | {"version": 2}}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (head, body))
        return f"{text}.{_encoded(self._pair.sign(text.encode()))}"


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class SignedBroker(BrokerProcess):
    """Trusts one operator, who signed an account with JetStream and the system account."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.operator, self.system = Party(nkeys.PREFIX_BYTE_OPERATOR), Party(nkeys.PREFIX_BYTE_ACCOUNT)
        self.account = Party(nkeys.PREFIX_BYTE_ACCOUNT)

    def _storage(self) -> str:
        limits = dict.fromkeys((*UNLIMITED, *STORED), -1) | {"wildcards": True}
        plain = {name: limit for name, limit in limits.items() if name not in STORED}
        signed = self.operator.sign(self.operator, {"type": "operator"})
        accounts = {
            self.account.name: self.operator.sign(self.account, {"type": "account", "limits": limits}),
            self.system.name: self.operator.sign(self.system, {"type": "account", "limits": plain}),
        }
        preload = "\n".join(f"  {name}: {token}" for name, token in accounts.items())
        return (
            f"{super()._storage()}\noperator: {signed}\nsystem_account: {self.system.name}\n"
            f"resolver: MEMORY\nresolver_preload: {{\n{preload}\n}}"
        )

    def credentials(self, file: Path, signer: Party) -> Path:
        """A credentials file for a new user, signed by ``signer``."""
        user = Party(nkeys.PREFIX_BYTE_USER)
        token = signer.sign(user, {"type": "user", "subs": -1, "data": -1, "payload": -1})
        file.write_text(
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n"
        )
        return file


@pytest.fixture
async def signed(tmp_path: Path) -> AsyncIterator[SignedBroker]:
    """A broker for one test."""
    process = SignedBroker(tmp_path)
    await process.start()
    yield process
    await process.stop()


async def test_a_user_of_the_account_can_store_and_others_are_rejected(
    signed: SignedBroker, tmp_path: Path
) -> None:
    file = signed.credentials(tmp_path / "chat.creds", signed.account)
    broker = await connect(signed.url, name="chat", credentials=Credentials(credentials_file=file))
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer = BatchWriter(broker)
    async with run_tasks(writer=writer.run()):
        assert await writer.write(Write("s.one", b"stored")) == (1,)
    await broker.close()
    foreign = signed.credentials(tmp_path / "foreign.creds", Party(nkeys.PREFIX_BYTE_ACCOUNT))
    for access in (Credentials(), Credentials(credentials_file=foreign)):
        with pytest.raises(BrokerUnusableError, match="NATS_CREDENTIALS_FILE"):
            await connect(signed.url, name="chat", credentials=access)


PEM = "no certificate"


@pytest.mark.parametrize(
    ("create", "named"),
    [
        (lambda _: Credentials(user="chat"), "NATS_PASSWORD_FILE"),
        (lambda file: Credentials("chat", file / "none"), "NATS_PASSWORD_FILE=.*No such file"),
        (lambda file: Credentials("chat", file / "empty"), "the file is empty"),
        (lambda file: Credentials("chat", file / "pem", file / "pem"), "exclude each other"),
        (lambda file: Credentials(tls_ca=file / "pem"), "NATS_TLS_CA"),
        (lambda file: Credentials(tls_cert=file / "pem"), "NATS_TLS_KEY"),
        (lambda file: Credentials(credentials_file=file / "none"), "NATS_CREDENTIALS_FILE"),
    ],
)
def test_invalid_settings_are_named(
    tmp_path: Path, create: Callable[[Path], Credentials], named: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "pem").write_text(PEM)
    with pytest.raises(CredentialsError, match=named):
        create(tmp_path).options()
