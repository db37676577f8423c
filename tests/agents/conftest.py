"""Fixtures of the tests with agents."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from services.agent.tests.kit.docker import REAL_SOCKET, why_no_real_engine
from services.agent.tests.kit.fake_engine.engine import FakeEngine
from tests.agents.docker_rig import Rig, rig_at


@pytest.fixture
async def fake_engine(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    """A fake engine of this test."""
    engine = FakeEngine(tmp_path / "engine.sock")
    await engine.start()
    yield engine
    await engine.close()


@pytest.fixture
async def fake_rig(
    fake_engine: FakeEngine, broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> AsyncIterator[Rig]:
    """The rig with the fake engine."""
    async with rig_at(fake_engine.socket, broker, broker_process.url, tmp_path) as rig:
        yield rig


@pytest.fixture(params=["fake", "real"])
async def rig(
    request: pytest.FixtureRequest,
    fake_engine: FakeEngine,
    broker: NatsConnection,
    broker_process: BrokerProcess,
    tmp_path: Path,
) -> AsyncIterator[Rig]:
    """The rig with the fake engine and, where there is one, with the real one."""
    if request.param == "real" and (reason := why_no_real_engine()) is not None:
        pytest.skip(reason)
    engine = REAL_SOCKET if request.param == "real" else fake_engine.socket
    async with rig_at(engine, broker, broker_process.url, tmp_path) as rig:
        yield rig
