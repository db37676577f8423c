"""Client of the cloud service, with read-your-writes on this gateway."""

from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from opsroom_contracts import endpoints
from opsroom_contracts.audit import ADDRESS_MAX
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.models import Operation
from opsroom_contracts.cloud.requests import (
    AdoptRequest,
    ApproveRequest,
    Caller,
    CancelRequest,
    CreateRequest,
    DenyRequest,
    InstanceRequest,
    LabelRequest,
    OperationReply,
    OperationRequest,
    ProvidersRequest,
    ProviderView,
    RenameRequest,
)
from opsroom_contracts.cloud.schedules import (
    Schedule,
    ScheduleRequest,
    SchedulesRequest,
    UnscheduleRequest,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.http import NewAdoption, NewInstance, NewSchedule
from opsroom_contracts.identity import Identity, Role
from opsroom_contracts.serialization.codec import first_fault
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
    """The caller of a command: name to show, identity, address, and quota of pending operations, if any.

    ``role``: what they are. ``owner``: of a bot, the identity of the person whose bot it is. ``may_await``:
    whether the client can wait for an approval.
    """

    name: str
    identity: Identity
    address: str
    pending_max: int | None
    role: Role | None = None
    owner: Identity | None = None
    may_await: bool = True

    def caller(self, client_id: str) -> Caller:
        """Return what every command has. ``client_id``: its idempotency key."""
        return Caller(
            client_id=client_id,
            actor=self.name,
            identity=self.identity,
            owner=self.owner,
            address=clip(self.address, ADDRESS_MAX),
            pending_max=self.pending_max,
            may_await=None if self.may_await else False,
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
        request = copy_fields(
            context.caller(client_id),
            LabelRequest,
            instance_id=instance_id,
            labels=labels,
            role=context.role,
        )
        return await self._send(endpoints.LABEL_INSTANCE, request)

    async def cancel(self, operation_id: str, context: CommandContext) -> Operation:
        """Cancel a pending operation."""
        request = CancelRequest(
            operation_id=operation_id,
            actor=context.name,
            identity=context.identity,
            owner=context.owner,
            address=clip(context.address, ADDRESS_MAX),
        )
        return await self._send(endpoints.CANCEL_OPERATION, request)

    async def approve(self, operation_id: str, alone: str | None, context: CommandContext) -> Operation:
        """Approve an operation. ``alone``: why an admin does so without the others."""
        request = ApproveRequest(
            operation_id=operation_id,
            actor=context.name,
            identity=context.identity,
            owner=context.owner,
            address=clip(context.address, ADDRESS_MAX),
            role=context.role,
            alone=alone,
        )
        return await self._send(endpoints.APPROVE_OPERATION, request)

    async def deny(self, operation_id: str, reason: str | None, context: CommandContext) -> Operation:
        """Deny an operation, and say why."""
        request = DenyRequest(
            operation_id=operation_id,
            actor=context.name,
            identity=context.identity,
            owner=context.owner,
            address=clip(context.address, ADDRESS_MAX),
            role=context.role,
            reason=reason,
        )
        return await self._send(endpoints.DENY_OPERATION, request)

    async def schedules(self) -> tuple[Schedule, ...]:
        """Get all schedules, sorted by name."""
        return (await self._requester.request(endpoints.SCHEDULES, SchedulesRequest())).schedules

    async def schedule(self, wanted: NewSchedule, context: CommandContext) -> Schedule:
        """Make a schedule."""
        try:
            request = ScheduleRequest(
                **dict(wanted),
                actor=context.name,
                identity=context.identity,
                owner=context.owner,
                address=clip(context.address, ADDRESS_MAX),
            )
        except ValidationError as error:
            fault = first_fault(error)
            raise refuse(ErrorCode.INVALID_REQUEST, fault.reason, field=fault.field or "ids") from None
        return (await self._requester.request(endpoints.SCHEDULE, request)).schedule

    async def unschedule(self, name: str, context: CommandContext) -> Schedule:
        """Remove a schedule."""
        request = UnscheduleRequest(
            name=name,
            actor=context.name,
            identity=context.identity,
            owner=context.owner,
            address=clip(context.address, ADDRESS_MAX),
        )
        return (await self._requester.request(endpoints.UNSCHEDULE, request)).schedule

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
