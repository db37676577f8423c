"""What the metrics, logs and traces of real processes say about a private room: nothing."""

import asyncio
from pathlib import Path

import httpx

from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.ports import free_port
from opsroom_testkit.processes import gateway, service
from services.gateway.tests.attacks.secret_room import DOORS, SecretRoom, secret_room
from services.gateway.tests.files.kit import sharer
from services.gateway.tests.kit.portal import Address


async def test_metrics_and_logs_have_nothing_of_a_private_room(
    broker_process: BrokerProcess, tmp_path: Path
) -> None:
    """Defense: labels are declared names, and logs name no message, room, file or person."""
    ports = {name: free_port() for name in ("chat", "gateway")}
    environ = {"NATS_URL": broker_process.url, "LOG_LEVEL": "INFO"}
    environ |= {f"{name.upper()}_ADMIN_PORT": str(port) for name, port in ports.items()}
    async with (
        service("chat", tmp_path, **environ) as chat,
        service("cloud", tmp_path, **environ),
        gateway(tmp_path, **environ) as (process, port),
    ):
        address = Address(port)
        async with sharer(address) as owner, sharer(address) as stranger:
            secret = await secret_room(owner)
            for token in (owner.http.token, stranger.http.token, None):
                for door in DOORS.values():
                    await door.knock(address, token, secret.ids)
            private = {
                *_secrets(secret),
                owner.user_id,
                stranger.user_id,
                owner.http.token,
                stranger.http.token,
            }
            private |= {one.socket.welcome["user"]["name"] for one in (owner, stranger)}
            pages = await asyncio.gather(*map(_metrics, ports.values()))
            for name, page in zip(ports, pages, strict=True):
                assert [one for one in private if one in page] == [], f"the metrics of {name}"
            assert "opsroom_refusals_total" in pages[1]
            for one in (chat, process):
                log = one.log.read_text()
                tokens = {owner.http.token, stranger.http.token}
                assert [one for one in {*_secrets(secret), *tokens} if one in log] == [], log


def _secrets(secret: SecretRoom) -> set[str]:
    return {secret.word, secret.room, secret.root, secret.reply, secret.file}


async def _metrics(port: int) -> str:
    async with httpx.AsyncClient(verify=False, timeout=30) as client:
        response = await client.get(f"http://127.0.0.1:{port}/metrics", headers={"Accept": "text/plain"})
    return response.text
