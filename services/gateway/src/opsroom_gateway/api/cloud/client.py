"""Client of the cloud service, with read-your-writes on this gateway."""

from dataclasses import dataclass
from typing import TypeVar

from opsroom_contracts import endpoints
from opsroom_contracts.audit import ADDRESS_MAX
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.models import Operation
from opsroom_contracts.cloud.requests import (
    AdoptRequest,
    Caller,
    CancelRequest,
    CreateRequest,
    InstanceRequest,
    LabelRequest,
    OperationReply,
    OperationRequest,
    ProvidersRequest,
    ProviderView,
    RenameRequest,
)
from opsroom_contracts.http import NewAdoption, NewInstance
from opsroom_contracts.identity import Identity
from opsroom_contracts.serialization.model import Model, copy_fields
from opsroom_contracts.text import clip
from opsroom_gateway.auth.older_services import request_with_identity
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_SEEN_SECONDS = 2.0
_NOTHING = NewInstance()

RequestT = TypeVar("RequestT", bound=Model)


@dataclass(frozen=True, slots=True)
class CommandContext:
    """The caller of a command: name to show, identity, address, and quota of pending operations, if any."""

    name: str
    identity: Identity
    address: str
    pending_max: int | None

    def caller(self, client_id: str) -> Caller:
        """Return what every command has. ``client_id``: its idempotency key."""
        return Caller(
            client_id=client_id,
            actor=self.name,
            identity=self.identity,
            address=clip(self.address, ADDRESS_MAX),
            pending_max=self.pending_max,
        )


class CloudClient:
    """Sends commands to the cloud service, and returns once this gateway's projection shows the result.

    Its methods raise ``FaultError`` if the cloud service refuses the request. ``instance_id`` may be the name
    of an instance.
    """

    def __init__(self, requester: RequestClient, subscription: StreamSubscription) -> None:
        self._requester = requester
        self._subscription = subscription

    async def create(
        self, client_id: str, context: CommandContext, wanted: NewInstance = _NOTHING
    ) -> Operation:
        """Create an instance."""
        request = copy_fields(
            context.caller(client_id),
            CreateRequest,
            name=wanted.name,
            template=wanted.template,
            labels=wanted.labels or None,
            start=wanted.start or None,
        )
        return await self._send(endpoints.CREATE_INSTANCE, request)

    async def adopt(self, client_id: str, context: CommandContext, wanted: NewAdoption) -> Operation:
        """Take in what a provider runs already."""
        request = copy_fields(
            context.caller(client_id),
            AdoptRequest,
            provider=wanted.provider,
            resource=wanted.resource,
            name=wanted.name,
            labels=wanted.labels or None,
        )
        return await self._send(endpoints.ADOPT_INSTANCE, request)

    async def command(
        self, command: Command, instance_id: str, client_id: str, context: CommandContext
    ) -> Operation:
        """Send a command for an existing instance."""
        request = copy_fields(context.caller(client_id), InstanceRequest, instance_id=instance_id)
        return await self._send(endpoints.CHANGE_INSTANCE[command], request)

    async def rename(self, instance_id: str, name: str, client_id: str, context: CommandContext) -> Operation:
        """Give an instance another name."""
        request = copy_fields(context.caller(client_id), RenameRequest, instance_id=instance_id, name=name)
        return await self._send(endpoints.RENAME_INSTANCE, request)

    async def label(
        self, instance_id: str, labels: dict[str, str | None], client_id: str, context: CommandContext
    ) -> Operation:
        """Change labels of an instance."""
        request = copy_fields(context.caller(client_id), LabelRequest, instance_id=instance_id, labels=labels)
        return await self._send(endpoints.LABEL_INSTANCE, request)

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

    async def providers(self) -> tuple[ProviderView, ...]:
        """Get all providers, sorted by name."""
        return (await self._requester.request(endpoints.PROVIDERS, ProvidersRequest())).providers

    async def _send(
        self, endpoint: endpoints.Endpoint[RequestT, OperationReply], request: RequestT
    ) -> Operation:
        reply = await request_with_identity(self._requester, endpoint, request)
        await self._subscription.wait_for(reply.seq, _SEEN_SECONDS)
        return reply.operation
