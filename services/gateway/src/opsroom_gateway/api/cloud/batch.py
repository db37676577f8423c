"""``POST /api/v1/cloud/batch``: one command for several servers, with a result for each."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Header, Request

from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.cloud.selectors import matches, read_selector
from opsroom_contracts.errors import ErrorCode, Fault, FaultError, refuse
from opsroom_contracts.http import BATCH_MAX, BatchCommand, BatchResult, BatchResults
from opsroom_gateway.api.cloud.access import (
    AUTH_ERRORS,
    CommandAccess,
    client_id_of,
    name_header,
    require_commander,
)
from opsroom_gateway.api.cloud.client import CloudClient, CommandContext
from opsroom_gateway.api.cloud.examples import INSTANCE_ID, OPERATION
from opsroom_gateway.api.problem_details import error_responses, example_response, problem_of
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.projections.instances import InstanceProjection
from opsroom_messaging.errors import UnavailableError

_CONCURRENT: Final = 10
"""Commands of one request that are sent at the same time."""
_KEY_MAX: Final = 50
"""The key of each item is this one with an id, and the cloud service accepts 128 characters."""
_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=_KEY_MAX,
        pattern=r"^[\x20-\x7e]+$",
        description="Makes retries safe: for each server, the command is executed once.",
    ),
]
_REFUSED = {
    "type": "urn:opsroom:error:transition_invalid",
    "title": "Invalid state transition",
    "status": 409,
    "detail": "the instance is stopped already",
    "code": "transition_invalid",
}
_EXAMPLE = {
    "results": [
        {"id": INSTANCE_ID, "operation": OPERATION | {"command": "stop"}},
        {"id": "web-2", "problem": _REFUSED},
    ]
}


def targets_of(batch: BatchCommand, projection: InstanceProjection) -> tuple[str, ...]:
    """Return the ids of ``batch`` as they are in it, or those that its selector matches, sorted by name.

    Raises:
        FaultError: ``invalid_request``: there are both or neither, an id is there twice, the selector is
            invalid, or matches more servers than a request may command.
    """
    if (batch.ids is None) == (batch.selector is None):
        raise _invalid("ids", "must be there, or selector, and not both")
    if batch.ids is not None:
        for index, one in enumerate(batch.ids):
            if one in batch.ids[:index]:
                raise _invalid(f"ids.{index}", f"{one!r} is there twice")
        return batch.ids
    try:
        wanted = read_selector(batch.selector or "")
    except ValueError as error:
        raise _invalid("selector", str(error)) from None
    found = [one for one in projection.instances() if matches(wanted, one.labels)]
    if len(found) > BATCH_MAX:
        raise _invalid("selector", f"matches {len(found)} servers, and the limit is {BATCH_MAX}")
    return tuple(one.id for one in sorted(found, key=lambda one: (one.name, one.id)))


def _invalid(field: str, reason: str) -> FaultError:
    return refuse(ErrorCode.INVALID_REQUEST, f"{field}: {reason}", field=field)


class _Batch:
    """One request. The commands are counted in its order, and sent some at a time."""

    def __init__(self, client: CloudClient, batch: BatchCommand, key: str | None) -> None:
        self._client = client
        self._command = batch.command
        self._key = key
        self._slots = asyncio.Semaphore(_CONCURRENT)

    async def send(self, target: str, context: CommandContext) -> BatchResult:
        """Send the command for one server."""
        client_id = client_id_of(self._key, target)
        try:
            async with self._slots:
                operation = await self._client.command(self._command, target, client_id, context)
        except FaultError as error:
            return refused(target, error.fault)
        except UnavailableError:
            fault = Fault(code=ErrorCode.UNAVAILABLE, message="the broker did not reply in time; try again")
            return refused(target, fault)
        return BatchResult(id=target, operation=operation)


def refused(target: str, fault: Fault) -> BatchResult:
    """Return the result of a command that was refused."""
    return BatchResult(id=target, problem=problem_of(fault))


def batch_router(projection: InstanceProjection, client: CloudClient, commanding: CommandAccess) -> APIRouter:
    """Build the route of batches."""
    router = APIRouter(prefix="/cloud", tags=["cloud"], dependencies=[BEARER])
    context_of: Any = Depends(require_commander(AuditedAction.BATCH, commanding, counted=False))

    @router.post(
        "/batch",
        summary="Command several instances",
        dependencies=[Depends(name_header)],
        response_model_exclude_none=True,
        responses=example_response(200, _EXAMPLE)
        | error_responses(ErrorCode.NAME_INVALID, ErrorCode.NAME_TAKEN, ErrorCode.UNAVAILABLE, *AUTH_ERRORS),
    )
    async def batch(
        body: Annotated[BatchCommand, Body(examples=[{"command": "restart", "selector": "env=prod"}])],
        request: Request,
        key: _Key = None,
        context: CommandContext = context_of,
    ) -> BatchResults:
        """A command for the servers of `ids`, or for all that have the labels of `selector`.

        The response has an operation or a problem for each, in the order of the request; with a selector,
        sorted by name. Each command counts for the rate limit, is audited, and has its own idempotency key.
        """
        run, targets = _Batch(client, body, key), targets_of(body, projection)

        async def result(target: str) -> BatchResult:
            return await run.send(target, context)

        results: list[BatchResult | asyncio.Task[BatchResult]] = []
        async with asyncio.TaskGroup() as group:
            for target in targets:
                try:
                    commanding.count(body.command, request, context, target)
                except FaultError as error:
                    results.append(refused(target, error.fault))
                else:
                    results.append(group.create_task(result(target)))
        return BatchResults(
            results=tuple(one if isinstance(one, BatchResult) else one.result() for one in results)
        )

    return router
