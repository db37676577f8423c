"""Routes of ``/api/v1/cloud``: the list of instances, commands and operations."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Response
from fastapi.params import Depends as Dependency

from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.cloud.commands import COMMANDS, Command, CommandSpec
from opsroom_contracts.cloud.models import Operation
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.http import InstanceList, NewInstance, OperationAccepted
from opsroom_contracts.identity import Action
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import TimestampText
from opsroom_gateway.api.cloud.access import (
    AUTH_ERRORS,
    CHANGE_ERRORS,
    COMMAND_ERRORS,
    CREATE_ERRORS,
    CommandAccess,
    InstanceId,
    OperationId,
    client_id_of,
    name_header,
    no_body,
    require_commander,
)
from opsroom_gateway.api.cloud.client import CloudClient, CommandContext
from opsroom_gateway.api.cloud.examples import INSTANCE, OPERATION
from opsroom_gateway.api.cloud.past import CloudPast
from opsroom_gateway.api.idempotency import IdempotencyKey
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.projections.instances import InstanceProjection

_LISTED = example_response(200, {"seq": 5, "instances": [INSTANCE]})
ACCEPTED = example_response(202, {"operation": OPERATION})
_NOTHING = NewInstance()
_EXAMPLE = {"name": "web-1", "labels": {"env": "prod"}, "start": True}
_BODY = """

The body is optional. `name`: it must be free; by default it is derived from the id. `template`: the name of a
template, or `provider/template`; without one the server is simulated. `start`: whether to start it, too."""


_At = Annotated[
    int | None,
    Query(ge=1, le=2**63 - 1, description="As the instances were when this was the last sequence."),
]
_Time = Annotated[
    TimestampText | None, Query(description="The same, by the time of the last event that counts.")
]


def cloud_router(
    projection: InstanceProjection, client: CloudClient, commanding: CommandAccess, past: CloudPast
) -> APIRouter:
    """Build the routes of instances and operations."""
    router = APIRouter(prefix="/cloud", tags=["cloud"], dependencies=[BEARER])
    can_view = Depends(commanding.access.require(Action.SEE_SERVERS))
    _add_list(router, projection, past, can_view)
    for command, spec in COMMANDS.items():
        context = Depends(require_commander(command, commanding))
        if command is Command.CREATE:
            _add_create(router, spec, client, context)
        else:
            _add_command(router, spec, client, context)
    _add_operation(router, client, can_view)
    canceller = Depends(require_commander(AuditedAction.CANCEL, commanding))
    _add_cancel(router, client, canceller)
    return router


def _add_list(
    router: APIRouter, projection: InstanceProjection, past: CloudPast, can_view: Dependency
) -> None:
    @router.get(
        "/instances",
        summary="List all instances",
        response_model=InstanceList,
        dependencies=[can_view],
        responses=_LISTED
        | error_responses(
            ErrorCode.INVALID_REQUEST, ErrorCode.OVERLOADED, ErrorCode.UNAVAILABLE, *AUTH_ERRORS
        ),
    )
    async def instances(at: _At = None, time: _Time = None) -> Response:
        """All instances as of ``seq``. Subscribe to later events with ``/cloud/events?since=<seq>``.

        With `at` or `time`, as they were then: from the events that are still stored, and not more than
        20,000 events ago. If that is not possible, the error names the oldest possible value.
        """
        if at is not None and time is not None:
            raise refuse(ErrorCode.INVALID_REQUEST, "at: must not be combined with time", field="at")
        if at is not None or time is not None:
            return Response(encode(await past.instances(at, time)), media_type="application/json")
        return Response(projection.list_json(), media_type="application/json")


def _add_create(router: APIRouter, spec: CommandSpec, client: CloudClient, context_of: Any) -> None:
    async def create(
        response: Response,
        body: Annotated[NewInstance, Body(examples=[_EXAMPLE])] = _NOTHING,
        key: IdempotencyKey = None,
        context: CommandContext = context_of,
    ) -> OperationAccepted:
        return accepted(response, await client.create(client_id_of(key), context, body))

    router.add_api_route(
        spec.path,
        create,
        methods=[spec.method],
        name=spec.command.value,
        summary=spec.summary,
        description=spec.description + _BODY,
        status_code=202,
        dependencies=[Depends(name_header)],
        response_model_exclude_none=True,
        responses=ACCEPTED | error_responses(*CREATE_ERRORS),
    )


def _add_command(router: APIRouter, spec: CommandSpec, client: CloudClient, context_of: Any) -> None:
    """Add the route of one command for an existing instance."""

    async def change(
        instance_id: InstanceId,
        response: Response,
        key: IdempotencyKey = None,
        context: CommandContext = context_of,
    ) -> OperationAccepted:
        operation = await client.command(spec.command, instance_id, client_id_of(key), context)
        return accepted(response, operation)

    router.add_api_route(
        spec.path,
        change,
        methods=[spec.method],
        name=spec.command.value,
        summary=spec.summary,
        description=spec.description,
        status_code=202,
        dependencies=[Depends(no_body), Depends(name_header)],
        response_model_exclude_none=True,
        responses=ACCEPTED | error_responses(*CHANGE_ERRORS),
    )


def _add_operation(router: APIRouter, client: CloudClient, can_view: Dependency) -> None:
    @router.get(
        "/operations/{operation_id}",
        summary="Get the status of a command",
        dependencies=[can_view],
        responses=example_response(200, {"operation": OPERATION | {"status": "done"}})
        | error_responses(ErrorCode.OPERATION_NOT_FOUND, ErrorCode.UNAVAILABLE, *AUTH_ERRORS),
        response_model_exclude_none=True,
    )
    async def operation(operation_id: OperationId) -> OperationAccepted:
        """The status is awaiting_approval, pending, done, cancelled, failed, denied or expired."""
        return OperationAccepted(operation=await client.operation(operation_id))


def _add_cancel(router: APIRouter, client: CloudClient, context_of: Any) -> None:
    @router.delete(
        "/operations/{operation_id}",
        summary="Cancel a command",
        dependencies=[Depends(no_body), Depends(name_header)],
        responses=example_response(200, {"operation": OPERATION | {"status": "cancelled"}})
        | error_responses(ErrorCode.OPERATION_NOT_FOUND, ErrorCode.OPERATION_FINISHED, *COMMAND_ERRORS),
        response_model_exclude_none=True,
    )
    async def cancel(operation_id: OperationId, context: CommandContext = context_of) -> OperationAccepted:
        """Possible until the operation is due; while it awaits approval, only for its author.

        A repeated request returns the same response.
        """
        return OperationAccepted(operation=await client.cancel(operation_id, context))


def accepted(response: Response, operation: Operation) -> OperationAccepted:
    """Return the body of the response to an accepted command, and set its header."""
    response.headers["Location"] = f"/api/v1/cloud/operations/{operation.id}"
    return OperationAccepted(operation=operation)
