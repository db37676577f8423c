"""Handlers of incidents. Who may see one is who may read its room, and the chat service decides that."""

import asyncio
from typing import Final

from opsroom_contracts.chat.models import Message
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.incidents.incidents import (
    STEPS_PAGE,
    ChangeIncidentRequest,
    CommandStep,
    CommandStepsReply,
    CommandStepsRequest,
    Incident,
    IncidentChangeView,
    IncidentRecord,
    IncidentReply,
    IncidentRequest,
    IncidentsReply,
    IncidentsRequest,
)
from opsroom_contracts.incidents.plans import CommandPlan
from opsroom_contracts.serialization.model import copy_fields
from opsroom_incidents.commands.plans import Plans
from opsroom_incidents.domain import incidents as rules
from opsroom_incidents.domain.incidents import Asked
from opsroom_incidents.incidents.chat import ChatRooms
from opsroom_incidents.incidents.keeper import IncidentKeeper
from opsroom_incidents.incidents.store import IncidentStore

_CONCURRENT: Final = 8
"""Threads or plans of one request that are read at the same time."""
_HIDDEN: Final = frozenset({ErrorCode.ROOM_UNKNOWN, ErrorCode.INVALID_REQUEST})


class IncidentHandlers:
    """Lists, shows and changes incidents."""

    def __init__(self, store: IncidentStore, keeper: IncidentKeeper, chat: ChatRooms, plans: Plans) -> None:
        self._store = store
        self._keeper = keeper
        self._chat = chat
        self._plans = plans

    async def list(self, request: IncidentsRequest) -> IncidentsReply:
        """Return a page of the incidents in rooms that the person may read.

        Raises:
            UnavailableError: the broker or the chat service did not respond.
        """
        readable = await self._chat.readable(request.user_id)

        def shows(record: IncidentRecord) -> bool:
            return (
                record.room in readable
                and request.status in {None, record.status}
                and request.room in {None, record.room}
            )

        if request.id is None:
            found, following = await self._store.page(shows, request.before, request.limit)
        else:
            record = await self._store.find(request.id)
            found, following = [record] if record is not None and shows(record) else [], None
        slots = asyncio.Semaphore(_CONCURRENT)

        async def view(record: IncidentRecord) -> Incident | None:
            async with slots:
                return await self._view(record, request.user_id)

        views = await asyncio.gather(*(view(record) for record in found))
        return IncidentsReply(incidents=tuple(one for one in views if one is not None), next=following)

    async def show(self, request: IncidentRequest) -> IncidentReply:
        """Return one incident.

        Raises:
            FaultError: ``incident_unknown``: there is none, or the person may not read its room.
            UnavailableError: the broker or the chat service did not respond.
        """
        record = await self._store.find(request.id)
        if record is None:
            raise rules.unknown(request.id)
        return _reply(record, await self._root(record, request.user_id))

    async def change(self, request: ChangeIncidentRequest) -> IncidentReply:
        """Change an incident for a person who may send to its room, and announce that in its thread.

        Raises:
            FaultError: ``incident_unknown``; ``forbidden``, ``user_unknown``, ``muted``, ``banned``: they may
                not send there; ``invalid_request``: it is closed, or has changed too often.
            UnavailableError: the broker or the chat service did not respond.
        """
        record = await self._store.find(request.id)
        if record is None:
            raise rules.unknown(request.id)
        root = await self._root(record, request.user_id)
        asked = await self._asked(request, record.room)
        record = await self._keeper.act(record.id, request.action, asked, root)
        return _reply(record, root)

    async def steps(self, request: CommandStepsRequest) -> CommandStepsReply:
        """Return the operations of commands, as far as the reply has room.

        Raises:
            UnavailableError: the broker did not respond, or a newer release stored a plan.
        """
        slots = asyncio.Semaphore(_CONCURRENT)

        async def plan(message_id: str) -> CommandPlan | None:
            async with slots:
                return await self._plans.find(message_id)

        found: list[CommandStep] = []
        for message_id, one in zip(request.ids, await asyncio.gather(*map(plan, request.ids)), strict=True):
            if len(found) >= STEPS_PAGE:
                return CommandStepsReply(steps=tuple(found), next=message_id)
            found += [] if one is None else _steps(one)
        return CommandStepsReply(steps=tuple(found))

    async def _asked(self, request: ChangeIncidentRequest, room: str) -> Asked:
        user = await self._chat.sender(request.user_id, room)
        key = rules.request_digest(user.id, f"{request.id}/{request.action}/{request.client_id}")
        return Asked(by=user.name, request=key, at=self._keeper.now(), user=user)

    async def _root(self, record: IncidentRecord, user_id: str | None) -> Message | None:
        """Return the first message of an incident's thread; None: it is removed.

        Raises:
            FaultError: ``incident_unknown``: the person may not read it. The words are those for an incident
                that does not exist, so that nobody learns of one in a private room.
        """
        try:
            return await self._chat.root(record.room, record.id, user_id)
        except FaultError as error:
            if error.fault.code in _HIDDEN:
                raise rules.unknown(record.id) from None
            raise

    async def _view(self, record: IncidentRecord, user_id: str | None) -> Incident | None:
        """Return an incident of a list; None: the person may no longer read its room."""
        try:
            return rules.view_of(record, await self._root(record, user_id))
        except FaultError as error:
            if error.fault.code is ErrorCode.INCIDENT_UNKNOWN:
                return None
            raise


def _reply(record: IncidentRecord, root: Message | None) -> IncidentReply:
    changes = tuple(copy_fields(one, IncidentChangeView) for one in record.changes)
    return IncidentReply(incident=rules.view_of(record, root), changes=changes)


def _steps(plan: CommandPlan) -> list[CommandStep]:
    results = plan.results or ()
    return [
        CommandStep(
            message_id=plan.message_id,
            name=plan.name,
            operation=plan.steps[place].operation,
            instance_id=results[place].instance_id,
        )
        for place in plan.accepted()
    ]
