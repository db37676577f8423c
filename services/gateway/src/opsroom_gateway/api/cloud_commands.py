"""Client of the cloud service's commands, with read-your-writes on this gateway."""

from dataclasses import dataclass
from typing import TypeVar

from opsroom_contracts import endpoints
from opsroom_contracts.audit import ADDRESS_MAX
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.models import Operation
from opsroom_contracts.cloud.requests import (
    CancelRequest,
    CreateRequest,
    InstanceRequest,
    OperationReply,
    OperationRequest,
)
from opsroom_contracts.identity import Identity
from opsroom_contracts.serialization.model import Model
from opsroom_contracts.text import clip
from opsroom_gateway.auth.older_services import request_with_identity
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_SEEN_SECONDS = 2.0

RequestT = TypeVar("RequestT", bound=Model)


@dataclass(frozen=True, slots=True)
class CommandContext:
    """The caller of a command: name to show, identity, address, and quota of pending operations, if any."""

    name: str
    identity: Identity
    address: str
    pending_max: int | None


class CloudCommands:
    """Sends commands to the cloud service, and returns once this gateway's projection shows the result."""

    def __init__(self, requester: RequestClient, subscription: StreamSubscription) -> None:
        self._requester = requester
        self._subscription = subscription

    async def create(self, client_id: str, context: CommandContext) -> Operation:
        """Create an instance.

        Raises:
            FaultError: the cloud service refused the command; also raised by the other methods.
        """
        return await self._send(
            endpoints.CREATE_INSTANCE,
            CreateRequest(
                client_id=client_id,
                actor=context.name,
                identity=context.identity,
                address=clip(context.address, ADDRESS_MAX),
                pending_max=context.pending_max,
            ),
        )

    async def command(
        self, command: Command, instance_id: str, client_id: str, context: CommandContext
    ) -> Operation:
        """Send a command for an existing instance."""
        request = InstanceRequest(
            instance_id=instance_id,
            client_id=client_id,
            actor=context.name,
            identity=context.identity,
            address=clip(context.address, ADDRESS_MAX),
            pending_max=context.pending_max,
        )
        return await self._send(endpoints.CHANGE_INSTANCE[command], request)

    async def cancel(self, operation_id: str, context: CommandContext) -> Operation:
        """Cancel a pending operation."""
        request = CancelRequest(
            operation_id=operation_id,
            actor=context.name,
            identity=context.identity,
            address=clip(context.address, ADDRESS_MAX),
        )
        return await self._send(endpoints.CANCEL_OPERATION, request)

    async def operation(self, operation_id: str) -> Operation:
        """Get the status of an operation."""
        request = OperationRequest(operation_id=operation_id)
        return (await self._requester.request(endpoints.OPERATION, request)).operation

    async def _send(
        self, endpoint: endpoints.Endpoint[RequestT, OperationReply], request: RequestT
    ) -> Operation:
        reply = await request_with_identity(self._requester, endpoint, request)
        await self._subscription.wait_for(reply.seq, _SEEN_SECONDS)
        return reply.operation
