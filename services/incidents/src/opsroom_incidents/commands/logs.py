"""The last lines of what a server wrote."""

import asyncio
from typing import Final
from uuid import uuid4

from opsroom_contracts.agents.endpoints import agent_endpoints
from opsroom_contracts.agents.protocol import LOG_CHUNK, LogsRequest, MoreRequest, ServerRef
from opsroom_contracts.audit import AuditedAction, Requester
from opsroom_contracts.cloud.instances import SIMULATED
from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.errors import ErrorCode, Fault, FaultError
from opsroom_contracts.incidents.commands import ShowLogs, Targets
from opsroom_contracts.serialization.codec import MAX_PAYLOAD_BYTES, ContractError, decode
from opsroom_contracts.subjects import provider_stream
from opsroom_incidents.commands.cloud import CloudCommands
from opsroom_incidents.commands.said import RefusalError, Said, selected
from opsroom_incidents.domain.results import log_text
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.client.unsubscribe import unsubscribe_quietly
from opsroom_messaging.jetstream.audit_log import AuditWriter, accepted_entry, rejected_entry

_SECONDS: Final = 5.0
"""How long a log may take; what has arrived by then is shown."""


class ServerLogs:
    """Reads logs from agents, and audits it."""

    def __init__(
        self, broker: NatsConnection, requester: RequestClient, cloud: CloudCommands, audit: AuditWriter
    ) -> None:
        self._broker = broker
        self._requester = requester
        self._cloud = cloud
        self._audit = audit

    async def show(self, command: ShowLogs, said: Said) -> str:
        """Return the reply.

        Raises:
            RefusalError: there is no such server, or it has no log.
            UnavailableError: the cloud service does not reply.
        """
        (instance,) = selected(await self._cloud.instances(), Targets((command.server,)))
        by = Requester(name=said.caller.actor, address=said.caller.address, identity=said.caller.identity)
        try:
            lines = await self._lines(instance, command.lines)
        except FaultError as error:
            self._audit.record(rejected_entry(AuditedAction.READ_LOG, by, error.fault, instance.id))
            raise RefusalError(f"/{said.name} `{instance.name}`: {error.fault.message}") from error
        entry = accepted_entry(AuditedAction.READ_LOG, by, said.message_id, instance.id)
        self._audit.record(entry.model_copy(update={"operation_id": None}))
        return log_text(instance.name, lines)

    async def _lines(self, instance: Instance, tail: int) -> list[str]:
        if instance.provider == SIMULATED:
            raise FaultError(Fault(code=ErrorCode.UNSUPPORTED, message="simulated servers have no logs"))
        stream, lines = uuid4().hex, list[str]()
        done = asyncio.Event()

        def on_message(payload: bytes) -> None:
            try:
                chunk = decode(LOG_CHUNK, payload, MAX_PAYLOAD_BYTES)
            except ContractError:
                done.set()
                return
            lines.extend(line.text for line in chunk.lines)
            if chunk.end:
                done.set()

        agent = agent_endpoints(instance.provider)
        subscription = await self._broker.subscribe(provider_stream(instance.provider, stream), on_message)
        try:
            request = LogsRequest(server=_reference(instance), stream=stream, tail=tail)
            await self._requester.request(agent.logs, request, timeout=_SECONDS)
            try:
                async with asyncio.timeout(_SECONDS):
                    await done.wait()
            except TimeoutError:
                await self._requester.request(agent.more, MoreRequest(stream=stream, seq=0, stop=True))
        finally:
            await unsubscribe_quietly(subscription)
        return lines[-tail:]


def _reference(instance: Instance) -> ServerRef:
    return ServerRef(
        id=instance.id,
        name=instance.name,
        labels=instance.labels,
        template=instance.template,
        resource=instance.resource,
    )
