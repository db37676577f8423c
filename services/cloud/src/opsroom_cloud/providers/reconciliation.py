"""Comparison of what a provider shows with what is stored; differences are stored as events from outside."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from opsroom_cloud.domain.observations import lose, observe, take_in
from opsroom_cloud.instances.event_store import EventStore
from opsroom_cloud.instances.names import ServerNames
from opsroom_cloud.instances.projection import InstanceProjection, TrackedInstance
from opsroom_cloud.providers.agents import AgentClient, reference_of
from opsroom_contracts.agents.protocol import OBSERVE_MAX, Listed, Observation, ServerRef
from opsroom_contracts.cloud.commands import CREATING
from opsroom_contracts.cloud.instances import SIMULATED, default_name
from opsroom_contracts.cloud.models import Instance, InstanceEvent
from opsroom_messaging.errors import ConflictError, RejectedError, UnavailableError
from opsroom_runtime.duties import attempt_all
from opsroom_runtime.metrics import Counter

_LISTS_BEFORE_LOST = 2
_PAGES_MAX = 1_000
SERVERS_MAX = 10_000
"""The maximum number of servers of one provider. An agent that lists more is not believed."""
_LOOKS = 3
"""How often the servers of a notice are looked at while something else is stored about them."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the reconciliation reads and writes. ``counter``: counts the events, by type."""

    events: EventStore
    projection: InstanceProjection
    names: ServerNames
    clock: Callable[[], datetime]
    counter: Counter


class Reconciliation:
    """Compares one provider with the stored instances. All cloud processes do this.

    The last sequence of the instance is the guard of each event, so that one process stores a difference.
    """

    def __init__(self, provider: str, stored: Stored, agents: AgentClient, lost_grace: timedelta) -> None:
        self._provider = provider
        self._stored = stored
        self._agents = agents
        self._lost_grace = lost_grace
        self._missing: dict[str, int] = {}

    async def compare(self) -> None:
        """List all servers, observe the adopted ones, and store the differences.

        Raises:
            UnavailableError: the agent or the broker did not respond.
            FaultError: the agent refused.
        """
        before = {known.instance.id: known for known in self._mine() if known.instance is not None}
        listed = await self._list()
        adopted = [one.instance for one in before.values() if one.instance and one.instance.resource]
        seen, gone = await self._observe(adopted)
        found: dict[str, Observation] = {**seen, **listed}
        changes = [partial(self._correct, before[one.id], one) for one in found.values() if one.id in before]
        changes += [partial(self._take_in, one) for one in self._unknown(listed, before)]
        await attempt_all(changes, expected=(RejectedError,))
        unseen = {instance.id for instance in adopted if instance.id not in gone}
        await self._note_missing(
            [one for key, one in before.items() if key not in found and key not in unseen]
        )

    async def apply(self, found: Iterable[Observation], gone: Iterable[str]) -> None:
        """Store what a notice reports, if the provider confirms it.

        A notice may have waited, and be older than the end of an operation that is stored already: a server
        that it shows otherwise than stored is looked at again.

        Raises:
            UnavailableError: the agent or the broker did not respond.
            FaultError: the agent refused.
        """
        reported = {**{one.id: one for one in found}, **dict.fromkeys(gone)}
        for _ in range(_LOOKS):
            known = {
                key: one for key, one in self._known(reported).items() if self._differs(one, reported[key])
            }
            if not known:
                return
            seen, vanished = await self._observe([one.instance for one in known.values() if one.instance])
            for key, one in known.items():
                if key in seen:
                    await self._correct(one, seen[key])
                elif key in vanished:
                    await self._lose(one)
            reported = {key: reported[key] for key, one in known.items() if self._is_overtaken(key, one)}

    def _known(self, ids: Iterable[str]) -> dict[str, TrackedInstance]:
        """Return those of the instances that are of this provider, as they are stored now."""
        tracked = {key: self._stored.projection.get(key) for key in ids}
        return {
            key: one
            for key, one in tracked.items()
            if one.instance is not None and one.instance.provider == self._provider
        }

    def _differs(self, known: TrackedInstance, reported: Observation | None) -> bool:
        """Whether a report of a server, or None of one that is gone, is not what is stored."""
        if known.instance is None:
            return False
        now = self._stored.clock()
        return (
            lose(known.instance, now) if reported is None else observe(known.instance, reported, now)
        ) is not None

    def _is_overtaken(self, instance_id: str, known: TrackedInstance) -> bool:
        """Whether something was stored since an instance was ``known``, by another process or a command."""
        return self._stored.projection.get(instance_id).seq != known.seq

    async def _list(self) -> dict[str, Listed]:
        """Return all servers that the agent lists. Part of a list would make servers look lost.

        Raises:
            UnavailableError: the pages are not in order, or there are too many pages or servers.
        """
        servers: dict[str, Listed] = {}
        after: str | None = None
        for _ in range(_PAGES_MAX):
            page = await self._agents.list(self._provider, after)
            servers.update({one.id: one for one in page.servers})
            if len(servers) > SERVERS_MAX:
                raise UnavailableError(f"provider {self._provider} lists more than {SERVERS_MAX} servers")
            if page.next is None:
                return servers
            if page.next <= (after or ""):
                raise UnavailableError(f"provider {self._provider}: the pages of its list are not in order")
            after = page.next
        raise UnavailableError(f"provider {self._provider}: its list has more than {_PAGES_MAX} pages")

    async def _observe(self, instances: list[Instance]) -> tuple[dict[str, Observation], set[str]]:
        """Return what the provider sees of ``instances``, and the ids of those that are gone.

        One that is reported as both could not be observed.
        """
        seen: dict[str, Observation] = {}
        gone: set[str] = set()
        for start in range(0, len(instances), OBSERVE_MAX):
            references = tuple(reference_of(one) for one in instances[start : start + OBSERVE_MAX])
            reply = await self._agents.observe(self._provider, references)
            seen.update({one.id: one for one in reply.found})
            gone.update(reply.gone)
        contradictions = seen.keys() & gone
        return {key: one for key, one in seen.items() if key not in contradictions}, gone - contradictions

    async def _correct(self, known: TrackedInstance, seen: Observation) -> None:
        self._missing.pop(seen.id, None)
        if known.instance is None or self._is_overtaken(seen.id, known):
            return  # it has changed since: the observation may be older than that
        await self._append(observe(known.instance, seen, self._stored.clock(), known.identity), known.seq)

    def _unknown(self, listed: Mapping[str, Listed], before: Collection[str]) -> list[Listed]:
        """Return the servers to take in: those that are not stored, as far as there is room.

        One whose id is the name of another server would get the commands for that name: an id comes first.
        """
        names = self._stored.names
        unknown = [one for one in listed.values() if one.id not in before]
        found = [one for one in unknown if names.refusal(one.id, one.id) is None]
        room = max(0, SERVERS_MAX - len(before))
        if len(found) < len(unknown) or room < len(found):
            log.warning(
                "provider %s: %d listed servers are not taken in: their ids are names of other servers, or"
                " there are more than %d",
                self._provider,
                len(unknown) - min(len(found), room),
                SERVERS_MAX,
            )
        return found[:room]

    async def _take_in(self, found: Listed) -> None:
        """Begin an instance for a server of this portal that is not stored.

        It may have been removed since it was listed: what was stored last is read first, and then the server
        is looked at again.
        """
        known = await self._stored.events.refresh(found.id)
        if known.instance is not None:
            return
        name = found.name or default_name(found.id)
        if self._stored.names.refusal(name, found.id) is not None:
            name = self._stored.names.default_for(found.id)
        reference = ServerRef(id=found.id, name=name, template=found.template)
        reply = await self._agents.observe(self._provider, (reference,))
        if any(one.id == found.id for one in reply.found):
            await self._append(take_in(self._provider, found, name, self._stored.clock()), known.seq)

    async def _note_missing(self, missing: list[TrackedInstance]) -> None:
        """Count the lists without each of the servers, and report those as lost that are missing again."""
        counts = {one.instance.id: one for one in missing if one.instance is not None}
        self._missing = {key: self._missing.get(key, 0) + 1 for key in counts}
        now = self._stored.clock()
        for key, known in counts.items():
            if self._missing[key] >= _LISTS_BEFORE_LOST and now - known.at >= self._lost_grace:
                await self._lose(known)

    async def _lose(self, known: TrackedInstance) -> None:
        if known.instance is None or self._is_overtaken(known.instance.id, known):
            return
        await self._append(lose(known.instance, self._stored.clock(), known.identity), known.seq)

    async def _append(self, event: InstanceEvent | None, expected: int) -> None:
        if event is None:
            return
        try:
            await self._stored.events.append(event, expected=expected)
        except ConflictError:
            return  # a command, or another process, was faster
        self._stored.counter.add(event.type.value)
        log.info(
            "instance %s of provider %s: %s outside", event.instance_id, self._provider, event.type.value
        )

    def _mine(self) -> list[TrackedInstance]:
        """Return the provider's instances that exist at the provider, as far as is known.

        One that is being created may not be there yet.
        """
        if self._provider == SIMULATED:
            return []
        return [
            known
            for known in self._stored.projection.instances_of(self._provider)
            if known.instance is not None and not _is_beginning(known.instance)
        ]


def _is_beginning(instance: Instance) -> bool:
    return instance.pending is not None and instance.pending.command in CREATING
