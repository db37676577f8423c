"""Incidents: threads with a status and a lead."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import uuid4

from opsroom_client.requests import Call, Requests
from opsroom_contracts.incidents.incidents import (
    INCIDENTS_PAGE,
    Incident,
    IncidentAction,
    IncidentReply,
    IncidentsReply,
    IncidentStatus,
)
from opsroom_contracts.incidents.report import IncidentReport

_JSON: Final = "json"


class Incidents:
    """Methods raise the same as :meth:`Requests.request`. An incident's id is that of its first message.

    A command opens one: send ``/incident TITLE`` to a room, or ``/incident`` in a thread.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def page(
        self,
        *,
        status: IncidentStatus | None = None,
        room: str | None = None,
        before: int | None = None,
        limit: int = INCIDENTS_PAGE,
    ) -> IncidentsReply:
        """One page, the incident that changed last first; ``next`` is the ``before`` of the next page."""
        query = {
            "status": None if status is None else status.value,
            "room": room,
            "before": before,
            "limit": limit,
        }
        params: dict[str, str | int] = {name: value for name, value in query.items() if value is not None}
        return await self._requests.request(Call("GET", "/incidents", params=params), IncidentsReply)

    async def all(
        self, *, status: IncidentStatus | None = None, room: str | None = None
    ) -> AsyncIterator[Incident]:
        """All incidents, the one that changed last first, read as they are needed.

        One that changes meanwhile may be there twice.
        """
        before: int | None = None
        while True:
            page = await self.page(status=status, room=room, before=before)
            for incident in page.incidents:
                yield incident
            before = page.next
            if before is None:
                return

    async def get(self, incident_id: str) -> IncidentReply:
        """An incident, and how it has changed."""
        return await self._requests.request(Call("GET", f"/incidents/{incident_id}"), IncidentReply)

    async def lead(self, incident_id: str, *, key: str | None = None) -> IncidentReply:
        """Take the lead of an incident. ``key``: makes a retry harmless; so in the other methods."""
        return await self._act(incident_id, IncidentAction.LEAD, key)

    async def acknowledge(self, incident_id: str, *, key: str | None = None) -> IncidentReply:
        """Acknowledge an incident."""
        return await self._act(incident_id, IncidentAction.ACKNOWLEDGE, key)

    async def close(self, incident_id: str, *, key: str | None = None) -> IncidentReply:
        """Close an incident."""
        return await self._act(incident_id, IncidentAction.CLOSE, key)

    async def reopen(self, incident_id: str, *, key: str | None = None) -> IncidentReply:
        """Reopen a closed incident."""
        return await self._act(incident_id, IncidentAction.REOPEN, key)

    async def report(self, incident_id: str) -> IncidentReport:
        """What happened, each thing once, in its order."""
        call = Call("GET", f"/incidents/{incident_id}/report", params={"format": _JSON})
        return await self._requests.request(call, IncidentReport)

    async def report_text(self, incident_id: str) -> str:
        """The report as Markdown."""
        call = Call("GET", f"/incidents/{incident_id}/report", params={"format": "md"})
        return (await self._requests.send(call)).text

    async def _act(self, incident_id: str, action: IncidentAction, key: str | None) -> IncidentReply:
        call = Call("POST", f"/incidents/{incident_id}/{action.value}", key=key or uuid4().hex)
        return await self._requests.request(call, IncidentReply)
