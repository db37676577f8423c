"""Fixtures of the tests of the agent."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.agent.tests.kit.docker import REAL_SOCKET, Docker, why_no_real_engine
from services.agent.tests.kit.fake_engine.engine import FakeEngine


@pytest.fixture
async def fake_engine(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    """A fake engine of this test."""
    engine = FakeEngine(tmp_path / "docker.sock")
    await engine.start()
    yield engine
    await engine.close()


@pytest.fixture
async def fake_docker(fake_engine: FakeEngine, tmp_path: Path) -> AsyncIterator[Docker]:
    """A provider with a fake engine."""
    docker = Docker(fake_engine.socket, tmp_path)
    async with docker.running():
        yield docker
    await docker.client.aclose()


@pytest.fixture(params=["fake", "real"])
async def docker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Docker]:
    """A provider with the fake engine and, where there is one, with the real one."""
    if request.param == "real":
        if (reason := why_no_real_engine()) is not None:
            pytest.skip(reason)
        docker = Docker(REAL_SOCKET, tmp_path)
        async with docker.running():
            yield docker
            await docker.clean()
        return
    engine = FakeEngine(tmp_path / "docker.sock")
    await engine.start()
    docker = Docker(engine.socket, tmp_path)
    async with docker.running():
        yield docker
        await docker.clean()
    await engine.close()
