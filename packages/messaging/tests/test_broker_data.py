"""Data folders of real brokers: a single one and a cluster each keep to their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from opsroom_messaging.client.connection import connect
from opsroom_messaging.deployment.broker_data import Brokers, made_by
from opsroom_messaging.jetstream.streams import ensure_stream, members_stream
from opsroom_testkit.broker import BrokerProcess, broker_cluster


def command(folder: Path, config: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "opsroom_messaging.deployment.broker_data", str(folder), config]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


async def single(folder: Path) -> Path:
    """The data of a single broker that has a stream."""
    process = BrokerProcess(folder)
    await process.start()
    broker = await connect(process.url, name="test")
    await ensure_stream(broker, members_stream(replicas=1))
    await broker.close()
    await process.stop()
    return folder / "jetstream"


async def clustered(folder: Path) -> Path:
    """The data of one broker of a cluster."""
    async with broker_cluster(folder):
        return folder / "n0" / "jetstream"


async def test_a_cluster_does_not_get_the_data_of_a_single_broker(tmp_path: Path) -> None:
    data = await single(tmp_path)
    assert made_by(data) is Brokers.SINGLE
    assert command(data, "nats.conf").returncode == 0
    refused = command(data, "cluster.conf")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "Start one broker again, or move the data over: docs/operations.md" in line


async def test_a_single_broker_does_not_get_the_data_of_a_cluster(tmp_path: Path) -> None:
    data = await clustered(tmp_path)
    assert made_by(data) is Brokers.CLUSTER
    assert command(data, "cluster.conf").returncode == 0
    refused = command(data, "nats.conf")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "Start three brokers again, or move the data over: docs/operations.md" in line


@pytest.mark.parametrize("config", [kind.value for kind in Brokers])
def test_an_empty_folder_is_for_both(tmp_path: Path, config: str) -> None:
    assert made_by(tmp_path) is None
    assert command(tmp_path, config).returncode == 0


def test_an_unknown_configuration_is_refused_by_its_name(tmp_path: Path) -> None:
    refused = command(tmp_path, "broker.conf")
    assert refused.returncode == 1
    assert "'broker.conf' is neither nats.conf nor cluster.conf" in refused.stderr
