"""Health on a port of its own."""

import asyncio

import httpx
import pytest

from opsroom_messaging.admin import AdminAddressError, AdminSettings, admin
from opsroom_messaging.probe import is_ready
from tests.processes import free_port


class Ready:
    """Ready until told otherwise."""

    now = True

    def __call__(self) -> bool:
        """Whether it is."""
        return self.now


async def test_it_tells_life_and_readiness_apart() -> None:
    port, ready = free_port(), Ready()
    async with admin(AdminSettings(admin_port=port), ready), httpx.AsyncClient(timeout=5) as client:
        base = f"http://127.0.0.1:{port}"
        assert (await client.get(f"{base}/readyz")).json() == {"status": "ok"}
        assert await asyncio.to_thread(is_ready, port)
        ready.now = False
        assert (await client.get(f"{base}/readyz?x=1")).status_code == 503
        assert not await asyncio.to_thread(is_ready, port)
        assert (await client.get(f"{base}/healthz")).status_code == 200
        assert (await client.head(f"{base}/healthz")).content == b""
        assert (await client.get(f"{base}/")).status_code == 404
        assert (await client.post(f"{base}/readyz")).status_code == 405
    assert not await asyncio.to_thread(is_ready, port)


async def test_what_is_no_request_is_dropped_and_nothing_ends() -> None:
    port = free_port()
    async with admin(AdminSettings(admin_port=port), Ready()):
        for junk in (b"x" * 100_000, b"GET /healthz HTTP/1.1\r\n", b"\0\r\n\r\n"):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(junk)
            writer.close()
        assert await asyncio.to_thread(is_ready, port)


async def test_without_a_port_nothing_listens_and_a_taken_one_is_said() -> None:
    async with admin(AdminSettings(), Ready()):
        pass
    port = free_port()
    async with admin(AdminSettings(admin_port=port), Ready()):
        with pytest.raises(AdminAddressError, match=str(port)):
            async with admin(AdminSettings(admin_port=port), Ready()):
                pass
