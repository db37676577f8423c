"""Routes of ``/api/v1/cloud/operations/{id}``: approve and deny a command that must be approved."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends

from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.http import NewApproval, NewDenial, OperationAccepted
from opsroom_gateway.api.cloud.access import (
    DECISION_ERRORS,
    CommandAccess,
    OperationId,
    name_header,
    require_commander,
)
from opsroom_gateway.api.cloud.client import CloudClient, CommandContext
from opsroom_gateway.api.cloud.examples import APPROVAL, OPERATION
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER

_NO_APPROVAL: Final = NewApproval()
_NO_DENIAL: Final = NewDenial()
_APPROVED = OPERATION | {"command": "stop", "approval": APPROVAL | {"approvedBy": ["bob"]}}
_DENIED = _APPROVED | {"status": "denied", "reason": "not before noon", "approval": APPROVAL}


def approvals_router(client: CloudClient, commanding: CommandAccess) -> APIRouter:
    """Build the routes of decisions."""
    router = APIRouter(prefix="/cloud", tags=["cloud"], dependencies=[BEARER])
    _add_approve(router, client, Depends(require_commander(AuditedAction.APPROVE, commanding)))
    _add_deny(router, client, Depends(require_commander(AuditedAction.DENY, commanding)))
    return router


def _add_approve(router: APIRouter, client: CloudClient, context_of: Any) -> None:
    @router.post(
        "/operations/{operation_id}/approve",
        summary="Approve a command",
        dependencies=[Depends(name_header)],
        response_model_exclude_none=True,
        responses=example_response(200, {"operation": _APPROVED}) | error_responses(*DECISION_ERRORS),
    )
    async def approve(
        operation_id: OperationId,
        body: Annotated[NewApproval, Body(examples=[{}])] = _NO_APPROVAL,
        context: CommandContext = context_of,
    ) -> OperationAccepted:
        """The last approval that is needed lets the delay begin, in which anybody can still cancel.

        Its author can't approve a command, and nobody can twice. `alone`: an admin gives a reason, and needs
        neither the others nor another author. A repeated request returns the operation as it is.
        """
        return OperationAccepted(operation=await client.approve(operation_id, body.alone, context))


def _add_deny(router: APIRouter, client: CloudClient, context_of: Any) -> None:
    @router.post(
        "/operations/{operation_id}/deny",
        summary="Deny a command",
        dependencies=[Depends(name_header)],
        response_model_exclude_none=True,
        responses=example_response(200, {"operation": _DENIED}) | error_responses(*DECISION_ERRORS),
    )
    async def deny(
        operation_id: OperationId,
        body: Annotated[NewDenial, Body(examples=[{"reason": "not before noon"}])] = _NO_DENIAL,
        context: CommandContext = context_of,
    ) -> OperationAccepted:
        """Ends a command that awaits approval; one is enough. Its author cancels it instead."""
        return OperationAccepted(operation=await client.deny(operation_id, body.reason, context))
