"""What the portal knows: servers, their past, providers and templates."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from opsroom_client.requests import Call, Requests
from opsroom_contracts.agents.protocol import Adoptable
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.models import Operation
from opsroom_contracts.cloud.requests import ProviderView
from opsroom_contracts.http import (
    CLOUD_HISTORY_MAX,
    AdoptableList,
    CloudEvent,
    CloudHistory,
    InstanceList,
    OperationAccepted,
    ProviderList,
    ProviderTemplate,
    TemplateList,
)
from opsroom_contracts.serialization.model import rfc3339


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which past events to read; None: all. ``earliest`` and ``latest`` are inclusive."""

    instance_id: str | None = None
    actor: str | None = None
    type: EventType | None = None
    earliest: datetime | None = None
    latest: datetime | None = None

    def params(self) -> dict[str, str | int]:
        """The parameters of the query."""
        params: dict[str, str | int | None] = {
            "instance": self.instance_id,
            "actor": self.actor,
            "type": None if self.type is None else self.type.value,
            "from": None if self.earliest is None else rfc3339(self.earliest),
            "to": None if self.latest is None else rfc3339(self.latest),
        }
        return {name: value for name, value in params.items() if value is not None}


ALL_EVENTS = EventFilter()


def part(text: str) -> str:
    """``text`` as one part of a path."""
    return quote(text, safe="")


class Queries:
    """Questions, which change nothing."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def instances(self, *, at: int | datetime | None = None) -> InstanceList:
        """All servers, and the sequence after which to follow changes.

        ``at``: as they were when this was the last sequence, or at this time.
        """
        params: dict[str, str | int] = {}
        if at is not None:
            params = {"time": rfc3339(at)} if isinstance(at, datetime) else {"at": at}
        return await self._requests.request(Call("GET", "/cloud/instances", params=params), InstanceList)

    async def operation(self, operation_id: str) -> Operation:
        """The current state of an operation."""
        response = await self._requests.request(
            Call("GET", f"/cloud/operations/{part(operation_id)}"), OperationAccepted
        )
        return response.operation

    async def history_page(
        self, wanted: EventFilter = ALL_EVENTS, *, before: int | None = None, limit: int = 100
    ) -> CloudHistory:
        """A page of past events in ascending sequence: the latest that match, or those before a sequence.

        It can be short or empty although there are more: ``next`` is then the ``before`` of the next page.
        """
        params = wanted.params() | {"limit": limit} | ({} if before is None else {"before": before})
        return await self._requests.request(Call("GET", "/cloud/history", params=params), CloudHistory)

    async def history(self, instance_id: str) -> tuple[CloudEvent, ...]:
        """Every stored event of a server, oldest first; also of a removed server, by its id."""
        return await self.past_events(EventFilter(instance_id))

    async def past_events(
        self, wanted: EventFilter = ALL_EVENTS, *, limit: int | None = None
    ) -> tuple[CloudEvent, ...]:
        """The last ``limit`` events that match (None: all), oldest first. Reads the pages that it takes."""
        pages: list[tuple[CloudEvent, ...]] = []
        before, left = None, limit
        while left is None or left > 0:
            size = CLOUD_HISTORY_MAX if left is None else min(left, CLOUD_HISTORY_MAX)
            page = await self.history_page(wanted, before=before, limit=size)
            pages.append(page.events)
            left = None if left is None else left - len(page.events)
            before = page.next
            if before is None:
                break
        return tuple(event for events in reversed(pages) for event in events)

    async def providers(self) -> tuple[ProviderView, ...]:
        """All providers, sorted by name: what they can do, and whether their agents run."""
        return (await self._requests.request(Call("GET", "/cloud/providers"), ProviderList)).providers

    async def templates(self) -> tuple[ProviderTemplate, ...]:
        """The templates from which servers can be created now, sorted by provider and name."""
        return (await self._requests.request(Call("GET", "/cloud/templates"), TemplateList)).templates

    async def adoptable(self, provider: str) -> tuple[Adoptable, ...]:
        """What ``provider`` runs and no portal manages, sorted by name; the first ones, if there are many."""
        call = Call("GET", f"/cloud/providers/{part(provider)}/adoptable")
        return (await self._requests.request(call, AdoptableList)).resources
