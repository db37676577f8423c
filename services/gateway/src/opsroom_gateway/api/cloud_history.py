"""Route of ``/api/v1/cloud/instances/{instance_id}/events``: the history of one instance."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.events import cloud_event_of
from opsroom_contracts.cloud.models import INSTANCE_EVENT
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.http import HISTORY_EVENTS_MAX, CloudEvent, InstanceHistory
from opsroom_contracts.identity import Action
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.subjects import instance_events
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

_Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
_After = Annotated[int, Query(ge=0, le=2**63 - 2)]
_Limit = Annotated[int, Query(ge=1, le=HISTORY_EVENTS_MAX)]
_EXAMPLE = {
    "events": [
        {
            "seq": 41,
            "type": "failed",
            "instanceId": "dfc6bba1-34ad-580a-9554-9380d83f762f",
            "operationId": "831c0b9187974052a7cb8bd385ef8ea5",
            "command": "start",
            "state": "stopped",
            "actor": "alice",
            "timestamp": "2026-11-24T00:32:18.054Z",
            "reason": "the provider did not finish within 300 s",
        }
    ]
}


def history_router(reader: StreamReader, access: Authorizer) -> APIRouter:
    """Build the route. ``reader``: that of the stream of instance events."""
    router = APIRouter(prefix="/cloud", tags=["cloud"], dependencies=[BEARER])

    @router.get(
        "/instances/{instance_id}/events",
        summary="Read the history of an instance",
        dependencies=[Depends(access.require(Action.SEE_SERVERS))],
        response_model_exclude_none=True,
        responses=example_response(200, _EXAMPLE)
        | error_responses(
            ErrorCode.TOKEN_INVALID,
            ErrorCode.UNAUTHENTICATED,
            ErrorCode.FORBIDDEN,
            ErrorCode.BANNED,
            ErrorCode.INSTANCE_NOT_FOUND,
            ErrorCode.UNAVAILABLE,
        ),
    )
    async def history(instance_id: _Id, after: _After = 0, limit: _Limit = 100) -> InstanceHistory:
        """A page of its events after a sequence, oldest first. Those of a removed instance are kept, too."""
        found = await reader.page(instance_events(instance_id), start=after + 1, count=limit + 1)
        if not found and not after:
            raise refuse(
                ErrorCode.INSTANCE_NOT_FOUND, f"no event of {instance_id} is stored", field="instanceId"
            )
        page = found[:limit]
        events = tuple(event for stored in page for event in _public(stored))
        return InstanceHistory(events=events, next=page[-1].seq if len(found) > limit else None)

    return router


def _public(stored: StreamMessage) -> Iterator[CloudEvent]:
    """The event as clients receive it; none if it is internal or violates its contract."""
    try:
        event = INSTANCE_EVENT.read(stored.data)
    except ContractError:
        return
    if event.type is not EventType.RETAINED:
        yield cloud_event_of(event, stored.seq)
