"""What an agent reports unasked: its record in the ``AGENTS`` stream, and notices of changed servers."""

import asyncio
import logging

from opsroom_agent.provider import Provider
from opsroom_contracts.agents.protocol import ChangeNotice
from opsroom_contracts.agents.records import RECORD_SECONDS, AgentRecord
from opsroom_contracts.errors import FaultError
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import agent_record, provider_changes
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.write_health import store
from opsroom_runtime.failure_log import FailureLog

_RETRY_SECONDS = 2.0

log = logging.getLogger(__name__)


async def store_record(broker: NatsConnection, record: AgentRecord) -> bool:
    """Store the record. Returns whether that succeeded: it is stored again soon, so a failure is harmless."""
    try:
        await store(broker, agent_record(record.name), encode(record))
    except UnavailableError as error:
        log.info("the record of agent %s could not be stored: %s", record.name, error)
        return False
    return True


async def store_records(broker: NatsConnection, record: AgentRecord) -> None:
    """Store the record now and every :data:`RECORD_SECONDS`, until cancelled."""
    while True:
        stored = await store_record(broker, record)
        await asyncio.sleep(RECORD_SECONDS if stored else _RETRY_SECONDS)


async def publish_changes(broker: NatsConnection, name: str, provider: Provider) -> None:
    """Publish the provider's notices until cancelled. After a failure, an empty one asks to list again."""
    failures = FailureLog(log, f"following the changes of provider {name}")
    subject = provider_changes(name)
    while True:
        try:
            async for notice in provider.changes():
                failures.succeeded()
                await broker.publish(subject, encode(notice))
        except FaultError as error:
            failures.failed(error.fault.message)
        except Exception as error:  # noqa: BLE001 - the boundary: the agent goes on without notices for a while
            failures.failed(f"{type(error).__name__}: {error}", error)
        await asyncio.sleep(_RETRY_SECONDS)
        await broker.publish(subject, encode(ChangeNotice()))
