"""Routes of ``/api/v1/cloud``: instances, commands and operations."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.params import Depends as Dependency

from opsroom_contracts.audit import AuditAction, AuditedAction
from opsroom_contracts.cloud.commands import COMMANDS, Command, CommandSpec
from opsroom_contracts.cloud.models import Operation
from opsroom_contracts.cloud.requests import ANONYMOUS, KEY_PREFIX
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.http import NAME_HEADER, InstanceList, OperationAccepted
from opsroom_contracts.identity import Action, anonymous_identity
from opsroom_contracts.text import NameRuleError, clean_name
from opsroom_gateway.api.audit_log import GatewayAuditLog, requester_of
from opsroom_gateway.api.cloud_commands import CloudCommands, CommandContext
from opsroom_gateway.api.idempotency import IdempotencyKey
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import AuthMethod, Authorizer, Principal
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_gateway.projections.instances import InstanceProjection
from opsroom_gateway.projections.members import MemberProjection

_Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
_Name = Annotated[
    str | None,
    Header(
        alias=NAME_HEADER,
        min_length=1,
        max_length=400,
        description="Without a token, in `open` mode: the author to log, with percent-encoded UTF-8.",
    ),
]

_OPERATION = {
    "id": "831c0b9187974052a7cb8bd385ef8ea5",
    "command": "create",
    "instanceId": "dfc6bba1-34ad-580a-9554-9380d83f762f",
    "status": "pending",
    "actor": "alice",
    "acceptedAt": "2026-11-24T00:32:08.054Z",
    "dueAt": "2026-11-24T00:32:18.054Z",
}
_INSTANCE = {
    "id": "dfc6bba1-34ad-580a-9554-9380d83f762f",
    "state": "stopped",
    "timestamp": "2026-11-24T00:32:18.060Z",
}
_LISTED = example_response(200, {"seq": 5, "instances": [_INSTANCE]})
_ACCEPTED = example_response(202, {"operation": _OPERATION})

_AUTH_ERRORS = (ErrorCode.TOKEN_INVALID, ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN, ErrorCode.BANNED)
_NAME_ERRORS = (ErrorCode.NAME_INVALID, ErrorCode.NAME_TAKEN)
_COMMAND_ERRORS = (*_AUTH_ERRORS, *_NAME_ERRORS, ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE)
_CREATE_ERRORS = (ErrorCode.IDEMPOTENCY_IN_FLIGHT, ErrorCode.IDEMPOTENCY_MISMATCH, *_COMMAND_ERRORS)
_CHANGE_ERRORS = (
    ErrorCode.INSTANCE_NOT_FOUND,
    ErrorCode.OPERATION_PENDING,
    ErrorCode.TRANSITION_INVALID,
    *_CREATE_ERRORS,
)


async def _name_header(name: _Name = None) -> None:
    """Describe the header, which :class:`CommandAccess` reads."""


async def _no_body(request: Request) -> None:
    """Reject a request body; an empty JSON object is allowed.

    Raises:
        FaultError: ``invalid_request``.
    """
    async for chunk in request.stream():
        if chunk.strip() not in {b"", b"{}"}:
            raise refuse(ErrorCode.INVALID_REQUEST, "this command takes no body")


@dataclass(frozen=True, slots=True)
class CommandAccess:
    """Who may command: a caller with the permission, and a name to log. Refusals are audited."""

    access: Authorizer
    members: MemberProjection
    limits: Limits
    audit_log: GatewayAuditLog

    async def principal(self, request: Request) -> Principal:
        """Authenticate; without a token in ``open`` mode, the caller is who the name header says.

        Raises:
            FaultError: as :meth:`Authorizer.principal`; ``name_invalid``; ``name_taken``: a user has it.
        """
        principal = await self.access.principal(request)
        claimed = request.headers.get(NAME_HEADER)
        if claimed is None or principal.auth_method is not AuthMethod.NONE:
            return principal
        try:
            name = clean_name(_decoded(claimed))
        except NameRuleError as error:
            raise refuse(ErrorCode.NAME_INVALID, str(error), field=NAME_HEADER) from None
        if self.members.has_name(name):
            raise refuse(ErrorCode.NAME_TAKEN, f"{name!r} is the name of a user.", field=NAME_HEADER)
        return self.access.named(principal, name, client_of(request))


def _decoded(header: str) -> str:
    """Return the text of a name header: UTF-8, percent-encoded or as it is.

    Raises:
        NameRuleError: it is not UTF-8.
    """
    try:
        # Starlette has decoded the header as Latin-1, which keeps every byte.
        return unquote_to_bytes(header.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise NameRuleError("The name must be UTF-8, and should be percent-encoded.") from None


def require_commander(
    action: AuditAction, commanding: CommandAccess
) -> Callable[[Request], Awaitable[CommandContext]]:
    """Return the dependency of a route for ``action``: requires the permission, and audits refusals."""
    access, limits, audit_log = commanding.access, commanding.limits, commanding.audit_log

    async def commander(request: Request) -> CommandContext:
        client = client_of(request)
        name, identity = ANONYMOUS, anonymous_identity(client.network)
        try:
            principal = await commanding.principal(request)
            name, identity = principal.name, principal.identity
            access.check(principal, Action.COMMAND_SERVERS)
            limits.count_command(client, identity)
        except FaultError as error:
            by = requester_of(request, name, identity)
            audit_log.refused(action, by, error.fault, _target(request))
            raise
        return CommandContext(name, identity, client.address, limits.pending_max(client))

    return commander


def _target(request: Request) -> str | None:
    found: str | None = request.path_params.get("instance_id") or request.path_params.get("operation_id")
    return found


def cloud_router(
    projection: InstanceProjection,
    commands: CloudCommands,
    commanding: CommandAccess,
) -> APIRouter:
    """Build the routes of the cloud."""
    router = APIRouter(prefix="/cloud", tags=["cloud"], dependencies=[BEARER])
    can_view = Depends(commanding.access.require(Action.SEE_SERVERS))
    _add_list(router, projection, can_view)
    for command, spec in COMMANDS.items():
        context = Depends(require_commander(command, commanding))
        _add_command(router, spec, commands, context)
    _add_operation(router, commands, can_view)
    canceller = Depends(require_commander(AuditedAction.CANCEL, commanding))
    _add_cancel(router, commands, canceller)
    return router


def _add_list(router: APIRouter, projection: InstanceProjection, can_view: Dependency) -> None:
    @router.get(
        "/instances",
        summary="List all instances",
        response_model=InstanceList,
        dependencies=[can_view],
        responses=_LISTED | error_responses(*_AUTH_ERRORS),
    )
    async def instances() -> Response:
        """All instances as of ``seq``. Subscribe to later events with ``/cloud/events?since=<seq>``."""
        return Response(projection.list_json(), media_type="application/json")


def _add_command(router: APIRouter, spec: CommandSpec, commands: CloudCommands, context_of: Any) -> None:
    """Add the route of one command."""

    async def create(
        response: Response, key: IdempotencyKey = None, context: CommandContext = context_of
    ) -> OperationAccepted:
        return _accepted(response, await commands.create(_client_id(key), context))

    async def change(
        instance_id: _Id, response: Response, key: IdempotencyKey = None, context: CommandContext = context_of
    ) -> OperationAccepted:
        operation = await commands.command(spec.command, instance_id, _client_id(key), context)
        return _accepted(response, operation)

    creates = spec.command is Command.CREATE
    router.add_api_route(
        spec.path,
        create if creates else change,
        methods=[spec.method],
        name=spec.command.value,
        summary=spec.summary,
        description=spec.description,
        status_code=202,
        dependencies=[Depends(_no_body), Depends(_name_header)],
        response_model_exclude_none=True,
        responses=_ACCEPTED | error_responses(*(_CREATE_ERRORS if creates else _CHANGE_ERRORS)),
    )


def _add_operation(router: APIRouter, commands: CloudCommands, can_view: Dependency) -> None:
    @router.get(
        "/operations/{operation_id}",
        summary="Get the status of a command",
        dependencies=[can_view],
        responses=example_response(200, {"operation": _OPERATION | {"status": "done"}})
        | error_responses(ErrorCode.OPERATION_NOT_FOUND, ErrorCode.UNAVAILABLE, *_AUTH_ERRORS),
        response_model_exclude_none=True,
    )
    async def operation(operation_id: _Id) -> OperationAccepted:
        """The status is pending, done, cancelled or failed."""
        return OperationAccepted(operation=await commands.operation(operation_id))


def _add_cancel(router: APIRouter, commands: CloudCommands, context_of: Any) -> None:
    @router.delete(
        "/operations/{operation_id}",
        summary="Cancel a command",
        dependencies=[Depends(_no_body), Depends(_name_header)],
        responses=example_response(200, {"operation": _OPERATION | {"status": "cancelled"}})
        | error_responses(ErrorCode.OPERATION_NOT_FOUND, ErrorCode.OPERATION_FINISHED, *_COMMAND_ERRORS),
        response_model_exclude_none=True,
    )
    async def cancel(operation_id: _Id, context: CommandContext = context_of) -> OperationAccepted:
        """Possible until the operation is due. A repeated request returns the same response."""
        return OperationAccepted(operation=await commands.cancel(operation_id, context))


def _accepted(response: Response, operation: Operation) -> OperationAccepted:
    response.headers["Location"] = f"/api/v1/cloud/operations/{operation.id}"
    return OperationAccepted(operation=operation)


def _client_id(key: str | None) -> str:
    """Return the client id for the service; without a key it is random, for the gateway's own retries."""
    return f"{KEY_PREFIX}{key}" if key is not None else uuid4().hex
