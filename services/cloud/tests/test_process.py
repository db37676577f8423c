"""The process of the cloud service."""

from opsroom_contracts.cloud.models import OperationStatus
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from services.cloud.tests.harness import Cloud, process


async def test_the_process_logs_ready_and_stops_cleanly(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    async with process(broker_process.url, CLOUD_FAILURE_RATE="1") as cloud_process:
        cloud = Cloud(broker)
        failed = await cloud.finished((await cloud.create()).operation)
        assert failed.status is OperationStatus.FAILED
        code, logged = await cloud_process.stop()
    assert code == 0
    assert logged.count("ready") == 1
    assert '"level": "warning"' not in logged


async def test_an_invalid_setting_logs_one_line_and_exits_with_78(broker_process: BrokerProcess) -> None:
    async with process(broker_process.url, CLOUD_DELAY_SECONDS="-1") as cloud_process:
        code, logged = await cloud_process.ended()
    assert code == 78
    assert len(logged.splitlines()) == 1
    assert "DELAY_SECONDS" in logged
