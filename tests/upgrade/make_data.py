"""Make the data of a release, and the record of what it serves: see ``README.md``.

``python -m tests.upgrade.make_data CLONE COMMIT`` runs the release in the folder CLONE and writes
``data-COMMIT.tar.xz`` and ``data-COMMIT.json`` next to this file.
"""

import asyncio
import json
import os
import signal
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import psutil

from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.deployment.private_files import password_file
from opsroom_testkit.ports import free_port, is_ready
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.portal import Address
from tests.upgrade import people, servers
from tests.upgrade.people import Made
from tests.upgrade.portal_view import listed, served, settings
from tests.upgrade.retries import command_again, request_again, send_again

HERE = Path(__file__).parent
_INSTALL_SECONDS = 900.0
_PENDING_SECONDS = "60"
"""Long enough for operations to be pending when the portal stops. The tests need data that is older."""


@dataclass(slots=True)
class OldPortal:
    """A running portal of another release."""

    process: asyncio.subprocess.Process
    address: Address
    broker: NatsConnection

    def kill_gateway(self) -> None:
        """Kill the gateway, so that it can't report that its users have gone."""
        (gateway,) = (
            child
            for child in psutil.Process(self.process.pid).children(recursive=True)
            if child.cmdline()[-1:] == ["opsroom_gateway"]
        )
        gateway.kill()


@asynccontextmanager
async def old_portal(clone: Path, data: Path, **environ: str) -> AsyncIterator[OldPortal]:
    """Run ``./opsroom up`` of the release in ``clone`` on the folder ``data``, and stop it at the end."""
    port, nats_port = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        clone / "opsroom",
        *("up", "--data", data, "--port", str(port), "--nats-port", str(nats_port)),
        cwd=clone,
        env=os.environ | settings() | environ,
    )
    try:
        await until_answer(partial(is_ready, port), bool, _INSTALL_SECONDS)
        operator = Credentials("operator", password_file(data / "users", "operator"))
        broker = await connect(f"nats://127.0.0.1:{nats_port}", name="operator", credentials=operator)
        yield OldPortal(process, Address(port), broker)
        await broker.close()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def make(clone: Path, data: Path) -> dict[str, object]:
    """Fill the folder ``data``. Returns what the portal served at the end, and what retries need."""
    made = Made()
    async with old_portal(clone, data, CLOUD_DELAY_SECONDS="0.2") as portal:
        await people.talk(portal.address, portal.broker, made)
        ids = await servers.command(portal.address, portal.broker, made)
    async with old_portal(clone, data, CLOUD_DELAY_SECONDS="0.2", CLOUD_FAILURE_RATE="1") as portal:
        await servers.fail(portal.address, made, ids)
    async with old_portal(clone, data, CLOUD_DELAY_SECONDS=_PENDING_SECONDS) as portal:
        pending = await servers.leave_pending(portal.address, made, ids)
        replies = {
            "sends": await send_again(portal.address, made.tokens, made.sends),
            "commands": await command_again(portal.address, made.commands),
            "requests": await request_again(portal.address, made.tokens, portal.broker, made.requests),
        }
        async with AsyncExitStack() as stack:
            await people.be_there(portal.address, made, stack)
            view = await served(portal.address, made.tokens, reader=people.PRESENT[0])
            lists = await listed(portal.address)
            portal.kill_gateway()
    return {
        "made": asdict(made),
        "replies": replies,
        "pending": pending,
        "served": view,
        "listed": lists,
    }


def pack(folder: Path, archive: Path) -> None:
    """Pack the broker's data, without owners and times: they are those of a machine."""

    def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(archive, "w:xz", preset=9) as packed:
        packed.add(folder, "jetstream", filter=anonymous)


def main(clone: Path, commit: str) -> None:
    """Write both files of the release ``commit`` in ``clone``."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        expected = asyncio.run(make(clone, data))
        pack(data / "jetstream", HERE / f"data-{commit}.tar.xz")
    text = json.dumps(expected, ensure_ascii=False, indent=1)
    (HERE / f"data-{commit}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
