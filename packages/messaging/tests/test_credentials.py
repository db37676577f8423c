"""A broker whose users are signed for by an account: by the setting NATS_CREDENTIALS_FILE."""

import json
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nkeys  # type: ignore[import-untyped]
import pytest

from opsroom_messaging.client.connection import BrokerUnusableError, connect
from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.jetstream.batch_writer import BatchWriter, Write
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_messaging.runtime.process import running
from opsroom_testkit.broker import BrokerProcess

UNLIMITED = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
STORED = ("mem_storage", "disk_storage", "streams", "consumer")


class Party:
    """An operator, an account or a user: a seed, and what it signs."""

    def __init__(self, prefix: int) -> None:
        self.seed: bytes = nkeys.encode_seed(os.urandom(32), prefix)
        self._pair = nkeys.from_seed(bytearray(self.seed))
        self.name: str = self._pair.public_key.decode()

    def signs(self, about: "Party", claims: dict[str, Any]) -> str:
        """A token of the broker's kind, which is a JWT by the signer's own key."""
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        body = {"iss": self.name, "sub": about.name, "iat": int(time.time()), "nats": claims | {"version": 2}}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (head, body))
        return f"{text}.{_encoded(self._pair.sign(text.encode()))}"


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class SignedBroker(BrokerProcess):
    """Trusts one operator, who signs for one account that may store, and for the broker's own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.operator, self.system = Party(nkeys.PREFIX_BYTE_OPERATOR), Party(nkeys.PREFIX_BYTE_ACCOUNT)
        self.account = Party(nkeys.PREFIX_BYTE_ACCOUNT)

    def _storage(self) -> str:
        limits = dict.fromkeys((*UNLIMITED, *STORED), -1) | {"wildcards": True}
        plain = {name: limit for name, limit in limits.items() if name not in STORED}
        signed = self.operator.signs(self.operator, {"type": "operator"})
        accounts = {
            self.account.name: self.operator.signs(self.account, {"type": "account", "limits": limits}),
            self.system.name: self.operator.signs(self.system, {"type": "account", "limits": plain}),
        }
        preload = "\n".join(f"  {name}: {token}" for name, token in accounts.items())
        return (
            f"{super()._storage()}\noperator: {signed}\nsystem_account: {self.system.name}\n"
            f"resolver: MEMORY\nresolver_preload: {{\n{preload}\n}}"
        )

    def credentials(self, file: Path, signer: Party) -> Path:
        """A user's file, signed for by ``signer``."""
        user = Party(nkeys.PREFIX_BYTE_USER)
        token = signer.signs(user, {"type": "user", "subs": -1, "data": -1, "payload": -1})
        file.write_text(
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n"
        )
        return file


@pytest.fixture
async def signed(tmp_path: Path) -> AsyncIterator[SignedBroker]:
    """A broker of this test's own."""
    process = SignedBroker(tmp_path)
    await process.start()
    yield process
    await process.stop()


async def test_a_user_whom_the_account_signs_for_stores_and_others_stay_out(
    signed: SignedBroker, tmp_path: Path
) -> None:
    file = signed.credentials(tmp_path / "chat.creds", signed.account)
    broker = await connect(signed.url, name="chat", access=Credentials(credentials_file=file))
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer = BatchWriter(broker)
    async with running(writer=writer.run()):
        assert await writer.write(Write("s.one", b"stored")) == (1,)
    await broker.close()
    foreign = signed.credentials(tmp_path / "foreign.creds", Party(nkeys.PREFIX_BYTE_ACCOUNT))
    for access in (Credentials(), Credentials(credentials_file=foreign)):
        with pytest.raises(BrokerUnusableError, match="NATS_CREDENTIALS_FILE"):
            await connect(signed.url, name="chat", access=access)
