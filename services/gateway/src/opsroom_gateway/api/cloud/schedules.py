"""Routes of ``/api/v1/cloud/schedules``: commands that are given at a time, or again and again."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Path
from fastapi.params import Depends as Dependency

from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http import NewSchedule, ScheduleList, ScheduleMade
from opsroom_contracts.identity import Action
from opsroom_gateway.api.cloud.access import (
    AUTH_ERRORS,
    COMMAND_ERRORS,
    CommandAccess,
    name_header,
    no_body,
    require_commander,
)
from opsroom_gateway.api.cloud.client import CloudClient, CommandContext
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER

_Name = Annotated[str, Path(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
_NEW: Final[dict[str, Any]] = {
    "name": "test-off",
    "command": "stop",
    "selector": "env=test",
    "cron": "0 19 * * mon-fri",
    "zone": "Europe/Berlin",
}
_SCHEDULE: Final[dict[str, Any]] = _NEW | {
    "actor": "alice",
    "createdAt": "2026-11-24T00:32:08.054Z",
    "nextAt": "2026-11-24T18:00:00.000Z",
}


def schedules_router(client: CloudClient, commanding: CommandAccess) -> APIRouter:
    """Build the routes of schedules."""
    router = APIRouter(prefix="/cloud/schedules", tags=["cloud"], dependencies=[BEARER])
    _add_list(router, client, Depends(commanding.access.require(Action.SEE_SERVERS)))
    _add_make(router, client, Depends(require_commander(AuditedAction.SCHEDULE, commanding)))
    _add_remove(router, client, Depends(require_commander(AuditedAction.UNSCHEDULE, commanding)))
    return router


def _add_list(router: APIRouter, client: CloudClient, can_view: Dependency) -> None:
    @router.get(
        "",
        summary="List all schedules",
        dependencies=[can_view],
        response_model_exclude_none=True,
        responses=example_response(200, {"schedules": [_SCHEDULE]})
        | error_responses(ErrorCode.UNAVAILABLE, *AUTH_ERRORS),
    )
    async def schedules() -> ScheduleList:
        """All schedules, sorted by name, with their next and their last run.

        One that does not run again is listed for a week.
        """
        return ScheduleList(schedules=await client.schedules())


def _add_make(router: APIRouter, client: CloudClient, context_of: Any) -> None:
    @router.post(
        "",
        status_code=201,
        summary="Schedule a command",
        dependencies=[Depends(name_header)],
        response_model_exclude_none=True,
        responses=example_response(201, {"schedule": _SCHEDULE}) | error_responses(*COMMAND_ERRORS),
    )
    async def make(
        body: Annotated[NewSchedule, Body(examples=[_NEW])],
        context: CommandContext = context_of,
    ) -> ScheduleMade:
        """A command for the servers of `ids`, or for all that have the labels of `selector` at that time.

        `at` is a time; `cron` has the five fields of cron, in the time zone `zone` (UTC). Each run is an
        ordinary command by `schedule <name>`: it can be undone, needs the approval that such a command needs,
        and is audited. The same request again is a retry; the name of another schedule is taken.
        """
        return ScheduleMade(schedule=await client.schedule(body, context))


def _add_remove(router: APIRouter, client: CloudClient, context_of: Any) -> None:
    @router.delete(
        "/{schedule}",
        summary="Remove a schedule",
        dependencies=[Depends(no_body), Depends(name_header)],
        response_model_exclude_none=True,
        responses=example_response(200, {"schedule": _SCHEDULE})
        | error_responses(ErrorCode.NOT_FOUND, *COMMAND_ERRORS),
    )
    async def remove(schedule: _Name, context: CommandContext = context_of) -> ScheduleMade:
        """What it has commanded already goes on, and can be canceled. A repeated request changes nothing."""
        return ScheduleMade(schedule=await client.unschedule(schedule, context))
