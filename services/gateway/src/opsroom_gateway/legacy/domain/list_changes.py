"""What the list of the course contract contains, and the events from which a client makes the same list."""

from typing import Final

from opsroom_contracts.cloud.commands import CREATING, EventType, InstanceState
from opsroom_contracts.cloud.instances import Condition
from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.legacy import DONE_INFO

_STATE_EVENTS: Final = {
    InstanceState.RUNNING: EventType.STARTED,
    InstanceState.STOPPED: EventType.STOPPED,
}
STATES: Final = {
    EventType.CREATED: InstanceState.STOPPED,
    EventType.STARTED: InstanceState.RUNNING,
    EventType.STOPPED: InstanceState.STOPPED,
}
"""The state that an event of the contract gives an instance; the other one removes it."""


def listed_state(instance: Instance | None) -> InstanceState | None:
    """Return the state of ``instance`` in the list; None: the list does not have it.

    It is not there before it exists, nor after it has disappeared outside the portal: the contract knows no
    such condition, and refuses every command but one for it.
    """
    if instance is None or instance.condition is Condition.LOST:
        return None
    begins = instance.pending is not None and instance.pending.command in CREATING
    return None if begins else instance.state


def list_changes(
    before: Instance | None, after: Instance | None, event: EventType | None = None
) -> tuple[EventType, ...]:
    """Return the events of the contract for a change, in order; the last one leads to the state after it.

    ``event``: what happened, if it has a name of the contract: it is always there. Whatever else changes the
    list, such as a server that was started outside, is the event with the same effect.
    """
    was, now = listed_state(before), listed_state(after)
    kinds = _effects(was, now)
    if event is not None and event in DONE_INFO and event not in kinds:
        kinds = (event, *kinds)
    if kinds and STATES.get(kinds[-1]) is not now:
        kinds = (*kinds, EventType.REMOVED if now is None else _STATE_EVENTS[now])
    return kinds


def _effects(was: InstanceState | None, now: InstanceState | None) -> tuple[EventType, ...]:
    if was is now:
        return ()
    if now is None:
        return (EventType.REMOVED,)
    if was is not None:
        return (_STATE_EVENTS[now],)
    if now is InstanceState.STOPPED:
        return (EventType.CREATED,)
    return (EventType.CREATED, EventType.STARTED)
