"""``PATCH /api/v1/cloud/instances/{id}``: the name, the labels and the protection of a server."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request

from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.instances import merge_labels
from opsroom_contracts.cloud.models import Operation
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.http import InstanceChanged, InstancePatch
from opsroom_gateway.api.cloud.access import (
    KEY_ERRORS,
    CommandAccess,
    InstanceId,
    client_id_of,
    name_header,
    require_commander,
)
from opsroom_gateway.api.cloud.client import CloudClient, CommandContext
from opsroom_gateway.api.cloud.examples import INSTANCE, OPERATION
from opsroom_gateway.api.idempotency import IdempotencyKey
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.projections.instances import InstanceProjection

_EXAMPLE = {
    "operations": [OPERATION | {"command": "rename", "status": "done", "dueAt": OPERATION["acceptedAt"]}],
    "instance": INSTANCE,
}


@dataclass(frozen=True, slots=True)
class _Step:
    """One change. ``send``: called with the id or name of the instance, the client id and the caller."""

    command: Command
    send: Callable[[str, str, CommandContext], Awaitable[Operation]]


def _steps(patch: InstancePatch, client: CloudClient) -> list[_Step]:
    """Return the changes of ``patch``, in the order in which they are made."""
    steps: list[_Step] = []
    name, labels = patch.name, patch.labels
    if name is not None:
        steps.append(
            _Step(Command.RENAME, lambda target, key, by: client.rename(target, name, key, by)),
        )
    if labels is not None:
        steps.append(
            _Step(Command.LABEL, lambda target, key, by: client.label(target, labels, key, by)),
        )
    if patch.protected is not None:
        command = Command.PROTECT if patch.protected else Command.UNPROTECT
        steps.append(_Step(command, partial(client.command, command)))
    return steps


def _check(projection: InstanceProjection, instance_id: str, patch: InstancePatch) -> None:
    """Refuse what the cloud service would refuse after it has made the first of several changes.

    An instance that is not found may have been renamed by an earlier attempt: the service knows.

    Raises:
        FaultError: ``name_taken``; ``invalid_request``: there would be too many labels.
    """
    found = projection.find(instance_id)
    if found is None:
        return
    if patch.name is not None:
        other = projection.find(patch.name)
        if other is not None and other.id != found.id:
            raise refuse(ErrorCode.NAME_TAKEN, f"{patch.name!r} is the name of a server", field="name")
    if patch.labels is not None:
        try:
            merge_labels(found.labels, patch.labels)
        except ValueError as error:
            raise refuse(ErrorCode.INVALID_REQUEST, f"labels: {error}", field="labels") from None


def changes_router(
    projection: InstanceProjection, client: CloudClient, commanding: CommandAccess
) -> APIRouter:
    """Build the route of changes."""
    router = APIRouter(prefix="/cloud", tags=["cloud"], dependencies=[BEARER])
    context_of: Any = Depends(require_commander(AuditedAction.CHANGE, commanding))

    @router.patch(
        "/instances/{instance_id}",
        summary="Change the name, labels or protection of an instance",
        dependencies=[Depends(name_header)],
        response_model_exclude_none=True,
        responses=example_response(200, _EXAMPLE)
        | error_responses(ErrorCode.INSTANCE_NOT_FOUND, *KEY_ERRORS),
    )
    async def change(
        instance_id: InstanceId,
        request: Request,
        patch: Annotated[InstancePatch, Body(examples=[{"name": "web-2", "labels": {"env": None}}])],
        key: IdempotencyKey = None,
        context: CommandContext = context_of,
    ) -> InstanceChanged:
        """Takes effect at once, also while a command is pending. What is missing stays as it is.

        Each change is an operation, and counts as a command. They are made in the order `name`, `labels`,
        `protected`. A protected server can't be stopped, restarted or removed.
        """
        steps = _steps(patch, client)
        if not steps:
            raise refuse(ErrorCode.INVALID_REQUEST, "the body must have name, labels or protected")
        if len(steps) > 1:
            _check(projection, instance_id, patch)
        for step in steps[1:]:
            commanding.count(step.command, request, context, instance_id)
        operations: list[Operation] = []
        target = instance_id
        for step in steps:
            client_id = client_id_of(key, step.command.value)
            operations.append(await step.send(target, client_id, context))
            target = operations[-1].instance_id  # the name may be another one now
        instance = projection.instance(target)
        if instance is None:
            raise refuse(ErrorCode.INSTANCE_NOT_FOUND, f"the server {instance_id!r} has been removed")
        return InstanceChanged(operations=tuple(operations), instance=instance)

    return router
