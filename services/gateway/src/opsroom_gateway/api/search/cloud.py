"""Servers and entries of the Worklog that match a query, with bounded work for each page."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.instances import default_name
from opsroom_contracts.cloud.models import Instance, InstanceEvent
from opsroom_contracts.search.query import SearchQuery
from opsroom_contracts.search.words import words_of
from opsroom_gateway.api.search.cursor import ServerPosition

_STEP = 100
"""Servers that are compared before other tasks get a turn: a few milliseconds."""


@dataclass(frozen=True, slots=True)
class WorklogSearch:
    """Which events match. ``parts``: texts that must be in an event; ``actors``: one of them, if any."""

    parts: tuple[str, ...]
    actors: frozenset[str]
    earliest: datetime | None
    until: datetime | None

    @property
    def instance(self) -> None:
        """No event is excluded by its server."""

    @property
    def latest(self) -> datetime | None:
        """From which time on nothing matches."""
        return self.until

    def shows(self, event: InstanceEvent) -> bool:
        """Whether ``event`` is public and matches."""
        if event.type in {EventType.RETAINED, EventType.WORKING}:
            return False
        if self.earliest is not None and event.timestamp < self.earliest:
            return False
        if self.until is not None and event.timestamp >= self.until:
            return False
        if self.actors and _form((event.actor,)) not in self.actors:
            return False
        return _has_all(self.parts, _form(_event_texts(event)))


def searches_worklog(query: SearchQuery) -> bool:
    """Whether a query is about the Worklog, too: not if it is about rooms, or what messages have."""
    return not query.rooms and not query.has


def searches_servers(query: SearchQuery) -> bool:
    """Whether a query is about servers, too: only if it has nothing but words."""
    is_filtered = query.authors or query.after is not None or query.before is not None
    return bool(query.phrases) and searches_worklog(query) and not is_filtered


def worklog_search(query: SearchQuery) -> WorklogSearch:
    """Return which events match ``query``."""
    actors = frozenset(_form((author,)) for author in query.authors)
    return WorklogSearch(_parts(query), actors, query.after, query.before)


async def find_servers(
    instances: Sequence[Instance], query: SearchQuery, after: ServerPosition | None, limit: int
) -> tuple[tuple[Instance, ...], ServerPosition | None]:
    """Return a page of the servers that match, sorted by name, and the position of the next page."""
    parts = _parts(query)
    found: list[Instance] = []
    for number, instance in enumerate(instances):
        if number % _STEP == 0:
            await asyncio.sleep(0)
        is_later = after is None or (instance.name, instance.id) > (after.name, after.id)
        if is_later and _has_all(parts, _form(_server_texts(instance))):
            found.append(instance)
    found.sort(key=lambda one: (one.name, one.id))
    page = tuple(found[:limit])
    has_more = len(found) > limit
    return page, ServerPosition(name=page[-1].name, id=page[-1].id) if has_more else None


def _parts(query: SearchQuery) -> tuple[str, ...]:
    return tuple(" ".join(phrase.words) for phrase in query.phrases)


def _has_all(parts: Sequence[str], form: str) -> bool:
    return all(part in form for part in parts)


def _form(texts: Sequence[str | None]) -> str:
    """Return the words of texts as they are compared; no phrase is in two of them."""
    return "|".join(" ".join(words_of(text)) for text in texts if text)


def _server_texts(instance: Instance) -> tuple[str | None, ...]:
    return (
        instance.name,
        instance.id,
        instance.provider,
        instance.template,
        instance.resource,
        instance.address,
        instance.state.value,
        instance.reason,
        *_label_texts(instance.labels),
    )


def _event_texts(event: InstanceEvent) -> tuple[str | None, ...]:
    return (
        event.name or default_name(event.instance_id),
        event.instance_id,
        event.actor,
        event.type.value,
        None if event.command is None else event.command.value,
        event.reason,
        *_label_texts(event.labels or {}),
    )


def _label_texts(labels: Mapping[str, str]) -> list[str]:
    return [f"{key} {value}" for key, value in labels.items()]
