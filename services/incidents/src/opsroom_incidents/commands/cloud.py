"""Requests to the cloud service for commands of the chat."""

from typing import Final, TypedDict, TypeVar

from opsroom_contracts import endpoints
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.models import Instance, Operation
from opsroom_contracts.cloud.requests import (
    ApproveRequest,
    Caller,
    CancelRequest,
    CreateRequest,
    DenyRequest,
    InstanceRequest,
    ListRequest,
    OperationReply,
    OperationRequest,
)
from opsroom_contracts.errors import RETRYABLE, ErrorCode, FaultError
from opsroom_contracts.identity import Identity
from opsroom_contracts.incidents.calls import CommandCaller
from opsroom_contracts.incidents.commands import CreateServer
from opsroom_contracts.serialization.model import Model, copy_fields
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import UnavailableError

_LATER: Final = RETRYABLE - {ErrorCode.RATE_LIMITED}
"""Errors after which nothing is decided. A quota that is used up is an answer."""

RequestT = TypeVar("RequestT", bound=Model)


class CloudCommands:
    """Asks the cloud service. Methods raise FaultError for a refusal, UnavailableError without one."""

    def __init__(self, requester: RequestClient) -> None:
        self._requester = requester

    async def create(self, wanted: CreateServer, client_id: str, caller: CommandCaller) -> Operation:
        """Create a server."""
        request = copy_fields(
            _caller(client_id, caller),
            CreateRequest,
            name=wanted.name,
            template=wanted.template,
            labels=dict(wanted.labels) or None,
            start=wanted.start or None,
        )
        return await self._ask(endpoints.CREATE_INSTANCE, request)

    async def change(self, command: Command, server: str, client_id: str, caller: CommandCaller) -> Operation:
        """Command a server, given by id or name."""
        request = copy_fields(_caller(client_id, caller), InstanceRequest, instance_id=server)
        return await self._ask(endpoints.CHANGE_INSTANCE[command], request)

    async def cancel(self, operation_id: str, caller: CommandCaller) -> Operation:
        """Cancel an operation; doing it again returns the same."""
        request = CancelRequest(operation_id=operation_id, **by_of(caller))
        return await self._ask(endpoints.CANCEL_OPERATION, request)

    async def approve(self, operation_id: str, alone: str | None, caller: CommandCaller) -> Operation:
        """Approve an operation; doing it again returns the same."""
        request = ApproveRequest(operation_id=operation_id, role=caller.role, alone=alone, **by_of(caller))
        return await self._ask(endpoints.APPROVE_OPERATION, request)

    async def deny(self, operation_id: str, reason: str | None, caller: CommandCaller) -> Operation:
        """Deny an operation; doing it again returns the same."""
        request = DenyRequest(operation_id=operation_id, role=caller.role, reason=reason, **by_of(caller))
        return await self._ask(endpoints.DENY_OPERATION, request)

    async def operation(self, operation_id: str) -> Operation | None:
        """Return an operation; None: the cloud service has not accepted it."""
        try:
            return await self._ask(endpoints.OPERATION, OperationRequest(operation_id=operation_id))
        except FaultError as error:
            if error.fault.code is ErrorCode.OPERATION_NOT_FOUND:
                return None
            raise

    async def instances(self) -> tuple[Instance, ...]:
        """Return all servers, sorted by name."""
        found: list[Instance] = []
        after: str | None = None
        while True:
            try:
                page = await self._requester.request(endpoints.LIST_INSTANCES, ListRequest(after=after))
            except FaultError as error:
                raise UnavailableError(f"listing servers: {error.fault.message}") from error
            found += page.instances
            after = page.next
            if after is None:
                return tuple(sorted(found, key=lambda one: (one.name, one.id)))

    async def _ask(
        self,
        endpoint: endpoints.Endpoint[RequestT, OperationReply],
        request: RequestT,
    ) -> Operation:
        try:
            return (await self._requester.request(endpoint, request)).operation
        except FaultError as error:
            if error.fault.code in _LATER:
                raise UnavailableError(f"{endpoint.subject}: {error.fault.message}") from error
            raise


class By(TypedDict):
    """Who a request is for, as the fields that all requests have."""

    actor: str
    identity: Identity
    owner: Identity | None
    address: str | None


def by_of(caller: CommandCaller) -> By:
    """Return who a request is for."""
    return By(actor=caller.actor, identity=caller.identity, owner=caller.owner, address=caller.address)


def _caller(client_id: str, caller: CommandCaller) -> Caller:
    return Caller(client_id=client_id, pending_max=caller.pending_max, **by_of(caller))
