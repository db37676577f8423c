"""Orders from requests: who wants what of which instance, with the ids and names that it gets."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from opsroom_cloud.domain.ids import adopted_id_of, instance_id_of
from opsroom_cloud.domain.orders import AcceptCommand, NewServer
from opsroom_cloud.instances.event_store import EventStore
from opsroom_cloud.instances.names import ServerNames
from opsroom_cloud.providers.directory import ProviderDirectory
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.ids import operation_id_of
from opsroom_contracts.cloud.requests import (
    KEY_PREFIX,
    AdoptRequest,
    Caller,
    CreateRequest,
    InstanceRequest,
    LabelRequest,
    RenameRequest,
    author_of,
    identities_of,
    is_by_hand,
)
from opsroom_contracts.errors import Fault
from opsroom_contracts.identity import Role


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order, and the fault that refuses it unless it is the retry of an accepted one."""

    order: AcceptCommand
    refusal: Fault | None = None


@dataclass(frozen=True, slots=True)
class OrderPolicy:
    """The clock, and the delay until a command is due."""

    clock: Callable[[], datetime]
    delay: timedelta


class OrderMaker:
    """Makes orders from requests."""

    def __init__(
        self, events: EventStore, names: ServerNames, providers: ProviderDirectory, policy: OrderPolicy
    ) -> None:
        self._events = events
        self._names = names
        self._providers = providers
        self._policy = policy

    async def create(self, request: CreateRequest) -> Ordered:
        """The creation of an instance."""
        operation_id = await self._operation_id(request)
        instance_id = instance_id_of(operation_id)
        order = self._order(Command.CREATE, instance_id, operation_id, request)
        found = self._providers.template(request.template)
        if isinstance(found, Fault):
            return Ordered(order, found)
        server = NewServer(
            name=request.name or self._names.default_for(instance_id),
            labels=request.labels or {},
            provider=found.provider,
            template=found.template,
            protected=found.protected,
            start=request.start or False,
        )
        return Ordered(replace(order, server=server, name=request.name))

    async def adopt(self, request: AdoptRequest) -> Ordered:
        """The adoption of a server."""
        operation_id = await self._operation_id(request)
        instance_id = adopted_id_of(request.provider, request.resource)
        server = NewServer(
            name=request.name or self._names.default_for(instance_id),
            labels=request.labels or {},
            provider=request.provider,
            resource=request.resource,
        )
        order = self._order(Command.ADOPT, instance_id, operation_id, request)
        order = replace(order, server=server, name=request.name)
        return Ordered(
            order, self._providers.adoption_refusal(request.provider, request.resource, instance_id)
        )

    async def change(self, command: Command, request: InstanceRequest) -> Ordered:
        """A command for an existing instance."""
        operation_id = await self._operation_id(request)
        instance_id = await self._names.resolve(request.instance_id)
        order = self._order(command, instance_id, operation_id, request)
        return Ordered(
            order if instance_id == request.instance_id else replace(order, target=request.instance_id)
        )

    async def rename(self, request: RenameRequest) -> Ordered:
        """Another name for an instance."""
        ordered = await self.change(Command.RENAME, request)
        return Ordered(replace(ordered.order, name=request.name))

    async def label(self, request: LabelRequest) -> Ordered:
        """Changes of the labels of an instance."""
        ordered = await self.change(Command.LABEL, request)
        role = Role.ADMIN if is_by_hand(request) else request.role
        return Ordered(replace(ordered.order, labels=request.labels, role=role))

    def _order(self, command: Command, instance_id: str, operation_id: str, request: Caller) -> AcceptCommand:
        now = self._policy.clock()
        return AcceptCommand(
            command=command,
            instance_id=instance_id,
            operation_id=operation_id,
            actor=author_of(request),
            accepted_at=now,
            due_at=now + self._policy.delay,
            identity=request.identity,
            pending_max=request.pending_max,
            authors=identities_of(request),
            may_await=request.may_await is not False,
        )

    async def _operation_id(self, request: Caller) -> str:
        """Return the operation id for the request's key, so that a retry gets the same one.

        An older release derived it from the key alone: the id of such an operation of the same actor stays.
        """
        key, identity = request.client_id, request.identity
        if key is None:
            return uuid4().hex
        if identity is not None and key.startswith(KEY_PREFIX):  # other keys are random, and so never shared
            earlier = await self._events.recorded(operation_id_of(key))
            if earlier is None or earlier.record.actor != request.actor:
                return operation_id_of(key, identity)
        return operation_id_of(key)
