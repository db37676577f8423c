"""The admin server: health checks and metrics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from opsroom_runtime import admin_server
from opsroom_runtime.admin_server import AdminSettings, HealthStatus, serve_admin
from opsroom_runtime.errors import AdminAddressError
from opsroom_runtime.metrics import Metrics
from opsroom_runtime.probe import is_ready
from opsroom_testkit.ports import free_port


class Ready:
    """A readiness check; ``problem`` is what it returns."""

    problem: str | None = None

    def __call__(self) -> str | None:
        """Why it is not ready."""
        return self.problem


@asynccontextmanager
async def admin(port: int | None, ready: Ready, metrics: Metrics | None = None) -> AsyncIterator[None]:
    health = HealthStatus()
    with health.report(ready, metrics or Metrics()):
        async with serve_admin(AdminSettings(admin_port=port), health):
            yield


async def test_liveness_and_readiness_differ() -> None:
    port, ready = free_port(), Ready()
    async with admin(port, ready), httpx.AsyncClient(timeout=5) as client:
        base = f"http://127.0.0.1:{port}"
        assert (await client.get(f"{base}/readyz")).json() == {"status": "ok"}
        assert await asyncio.to_thread(is_ready, port)
        ready.problem = 'no "broker"'
        unready = await client.get(f"{base}/readyz?x=1")
        assert unready.status_code == 503
        assert unready.json() == {"status": "service unavailable", "reason": 'no "broker"'}
        assert not await asyncio.to_thread(is_ready, port)
        assert (await client.get(f"{base}/healthz")).status_code == 200
        assert (await client.head(f"{base}/healthz")).content == b""
        assert (await client.get(f"{base}/")).status_code == 404
        refused = await client.post(f"{base}/readyz")
        assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")
    assert not await asyncio.to_thread(is_ready, port)


async def test_invalid_requests_are_dropped_and_the_server_goes_on() -> None:
    port = free_port()
    async with admin(port, Ready()):
        for junk in (b"x" * 100_000, b"GET /healthz HTTP/1.1\r\n", b"\0\r\n\r\n"):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(junk)
            writer.close()
        assert await asyncio.to_thread(is_ready, port)


async def test_silent_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_server, "_HEAD_TIMEOUT_SECONDS", 0.1)
    port = free_port()
    async with admin(port, Ready()):
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(64)]
        assert [await reader.read() for reader, _ in silent] == [b""] * 64
        assert await asyncio.to_thread(is_ready, port)
        for _, writer in silent:
            writer.close()


async def test_the_number_of_connections_is_limited() -> None:
    port = free_port()
    async with admin(port, Ready()):
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(65)]
        assert await silent[-1][0].read() == b""
        assert not any(reader.at_eof() for reader, _ in silent[:-1])
        for _, writer in silent:
            writer.close()


async def test_without_a_port_nothing_listens_and_a_port_in_use_is_reported() -> None:
    async with admin(None, Ready()):
        pass
    port = free_port()
    async with admin(port, Ready()):
        with pytest.raises(AdminAddressError, match=str(port)):
            async with admin(port, Ready()):
                pass


async def test_metrics_are_served_in_prometheus_format() -> None:
    port, metrics = free_port(), Metrics()
    counter = metrics.counter("asked", "Asked.", ("code",))
    histogram = metrics.histogram("took_seconds", "Took.", bounds=(0.1, 1.0))
    metrics.gauge("waiting", "Waiting.", lambda: {(): 3})
    metrics.gauge("waiting", "Waiting.", lambda: {(): 4})
    async with admin(port, Ready(), metrics), httpx.AsyncClient(timeout=30) as client:
        counter.add('a"b\n')
        for measure in (0.1, 0.5, 7):
            histogram.observe(measure)
        response = await client.get(f"http://127.0.0.1:{port}/metrics", headers={"Accept": "text/plain"})
    assert response.headers["Content-Type"].startswith("text/plain")
    found = {
        (sample.name, sample.labels.get("code") or sample.labels.get("le")): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
    assert found["opsroom_asked_total", 'a"b\n'] == 1
    assert found["opsroom_waiting", None] == 7
    buckets = [found["opsroom_took_seconds_bucket", le] for le in ("0.1", "1", "+Inf")]
    assert buckets == [1, 2, 3]
    assert found["opsroom_took_seconds_sum", None] == pytest.approx(7.6)
    assert ("process_cpu_seconds_total", None) in found
