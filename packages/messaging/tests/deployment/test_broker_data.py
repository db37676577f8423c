"""Data directories of real brokers: a single broker and a cluster don't use each other's."""

import subprocess
import sys
from pathlib import Path

import pytest

from opsroom_messaging.client.connection import connect
from opsroom_messaging.deployment.broker_data import BrokerKind, detect_kind
from opsroom_messaging.jetstream.streams import ensure_stream, members_stream
from opsroom_testkit.broker import BrokerProcess, broker_cluster


def command(folder: Path, config: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "opsroom_messaging.deployment.broker_data", str(folder), config]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


async def single(folder: Path) -> Path:
    """The data directory of a single broker with a stream."""
    process = BrokerProcess(folder)
    await process.start()
    broker = await connect(process.url, name="test")
    await ensure_stream(broker, members_stream(replicas=1))
    await broker.close()
    await process.stop()
    return folder / "jetstream"


async def clustered(folder: Path) -> Path:
    """The data directory of one broker of a cluster."""
    async with broker_cluster(folder):
        return folder / "n0" / "jetstream"


async def test_a_cluster_rejects_the_data_of_a_single_broker(tmp_path: Path) -> None:
    data = await single(tmp_path)
    assert detect_kind(data) is BrokerKind.SINGLE
    assert command(data, "nats.conf").returncode == 0
    rejected = command(data, "cluster.conf")
    assert rejected.returncode == 1
    (line,) = rejected.stderr.splitlines()
    assert "Start one broker again, or move the data over: docs/operations.md" in line


async def test_a_single_broker_rejects_the_data_of_a_cluster(tmp_path: Path) -> None:
    data = await clustered(tmp_path)
    assert detect_kind(data) is BrokerKind.CLUSTER
    assert command(data, "cluster.conf").returncode == 0
    rejected = command(data, "nats.conf")
    assert rejected.returncode == 1
    (line,) = rejected.stderr.splitlines()
    assert "Start three brokers again, or move the data over: docs/operations.md" in line


@pytest.mark.parametrize("config", [kind.value for kind in BrokerKind])
def test_both_accept_an_empty_directory(tmp_path: Path, config: str) -> None:
    assert detect_kind(tmp_path) is None
    assert command(tmp_path, config).returncode == 0


def test_an_unknown_configuration_is_named(tmp_path: Path) -> None:
    rejected = command(tmp_path, "broker.conf")
    assert rejected.returncode == 1
    assert "'broker.conf' is neither nats.conf nor cluster.conf" in rejected.stderr
