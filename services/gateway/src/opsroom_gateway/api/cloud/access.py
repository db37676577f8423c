"""Who may command servers and read their logs, and what requests of that sort have in common."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from fastapi import Header, Path, Request

from opsroom_contracts.audit import AuditAction, Requester
from opsroom_contracts.cloud.requests import ANONYMOUS, KEY_PREFIX
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.http import NAME_HEADER
from opsroom_contracts.identity import Action, anonymous_identity
from opsroom_contracts.text import NameRuleError, clean_name
from opsroom_gateway.api.audit_log import GatewayAuditLog, requester_of
from opsroom_gateway.api.cloud.client import CommandContext
from opsroom_gateway.auth.authorization import AuthMethod, Authorizer, Principal
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_gateway.projections.members import MemberProjection

ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
InstanceId = Annotated[
    str, Path(pattern=ID_PATTERN, description="The id of a server, or its name; an id wins.")
]
OperationId = Annotated[str, Path(pattern=ID_PATTERN)]
_Name = Annotated[
    str | None,
    Header(
        alias=NAME_HEADER,
        min_length=1,
        max_length=400,
        description="Without a token, in `open` mode: the author to log, with percent-encoded UTF-8.",
    ),
]

AUTH_ERRORS: Final = (
    ErrorCode.TOKEN_INVALID,
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.FORBIDDEN,
    ErrorCode.BANNED,
)
COMMAND_ERRORS: Final = (
    *AUTH_ERRORS,
    ErrorCode.NAME_INVALID,
    ErrorCode.NAME_TAKEN,
    ErrorCode.RATE_LIMITED,
    ErrorCode.UNAVAILABLE,
)
KEY_ERRORS: Final = (ErrorCode.IDEMPOTENCY_IN_FLIGHT, ErrorCode.IDEMPOTENCY_MISMATCH, *COMMAND_ERRORS)
CREATE_ERRORS: Final = (ErrorCode.TEMPLATE_UNKNOWN, ErrorCode.PROVIDER_AWAY, *KEY_ERRORS)
CHANGE_ERRORS: Final = (
    ErrorCode.INSTANCE_NOT_FOUND,
    ErrorCode.OPERATION_PENDING,
    ErrorCode.TRANSITION_INVALID,
    ErrorCode.PROTECTED,
    ErrorCode.PROVIDER_AWAY,
    *KEY_ERRORS,
)
DECISION_ERRORS: Final = (
    ErrorCode.OPERATION_NOT_FOUND,
    ErrorCode.NOT_AWAITING,
    ErrorCode.TRANSITION_INVALID,
    ErrorCode.PROTECTED,
    *COMMAND_ERRORS,
)


async def name_header(name: _Name = None) -> None:
    """Describe the header, which :class:`CommandAccess` reads."""


async def no_body(request: Request) -> None:
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

    def count(self, action: AuditAction, request: Request, context: CommandContext, target: str) -> None:
        """Count one more command of a request that has several. A refusal is audited.

        Raises:
            FaultError: ``rate_limited``.
        """
        try:
            self.limits.count_command(client_of(request), context.identity)
        except FaultError as error:
            by = requester_of(request, context.name, context.identity)
            self.audit_log.refused(action, by, error.fault, target)
            raise


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request: ``by`` as it is audited, ``context`` as commands have it."""

    principal: Principal
    by: Requester
    context: CommandContext


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


def require_caller(
    action: AuditAction, commanding: CommandAccess, permission: Action, *, counted: bool = True
) -> Callable[[Request], Awaitable[Caller]]:
    """Return the dependency of a route that requires ``permission``, and audits refusals of ``action``.

    ``counted``: whether the request counts as a command for the rate limit.
    """
    access, limits, audit_log = commanding.access, commanding.limits, commanding.audit_log

    async def caller(request: Request) -> Caller:
        client = client_of(request)
        name, identity = ANONYMOUS, anonymous_identity(client.network)
        try:
            principal = await commanding.principal(request)
            name, identity = principal.name, principal.identity
            access.check(principal, permission)
            if counted:
                limits.count_command(client, identity)
        except FaultError as error:
            by = requester_of(request, name, identity)
            audit_log.refused(action, by, error.fault, _target(request))
            raise
        owner = next((identity for _, identity in access.owners(principal)), None)
        context = CommandContext(
            name, identity, client.address, limits.pending_max(client), principal.role, owner
        )
        return Caller(principal, requester_of(request, name, identity), context)

    return caller


def require_commander(
    action: AuditAction, commanding: CommandAccess, *, counted: bool = True
) -> Callable[[Request], Awaitable[CommandContext]]:
    """Return the dependency of a route for commands; as :func:`require_caller`."""
    authorized = require_caller(action, commanding, Action.COMMAND_SERVERS, counted=counted)

    async def commander(request: Request) -> CommandContext:
        return (await authorized(request)).context

    return commander


def _target(request: Request) -> str | None:
    named = (request.path_params.get(name) for name in ("instance_id", "operation_id", "schedule"))
    return next((found for found in named if found), None)


def client_id_of(key: str | None, part: str | None = None) -> str:
    """Return the client id for the service; without a key it is random, for the gateway's own retries.

    ``part``: which of several operations of one request.
    """
    if key is None:
        return uuid4().hex
    return f"{KEY_PREFIX}{key}" if part is None else f"{KEY_PREFIX}{key}/{part}"
