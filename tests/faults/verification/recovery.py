"""The impact of faults: recovery times and gaps. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from opsroom_contracts.cloud.commands import DONE
from tests.faults.nemesis.nemesis import InjectedFault
from tests.faults.verification.history import History

SOON_SECONDS = 1.0
"""A request that began within this time after a fault was healed may still be slow because of it."""
SETTLED_SECONDS = 0.5
"""The minimum time between faults that count as not overlapping."""
_FINAL = frozenset(str(done) for done in DONE.values()) | {"failed"}
_SERVED_SECONDS = 2.0
"""An agent is asked every second."""


@dataclass(frozen=True, slots=True)
class FaultImpact:
    """The impact of a fault, in seconds.

    ``recovery``: from the healing to the end of the last affected request; ``gap``: the longest wait of one
    client; ``felt``: as ``recovery``, with the requests that are attributed to a later fault; ``alone``: no
    other fault was active or had effects then.
    """

    fault: InjectedFault
    recovery: float
    gap: float
    felt: float
    alone: bool


def fault_impacts(
    injected: Sequence[InjectedFault], waits: Sequence[tuple[float, float]], history: History
) -> list[FaultImpact]:
    """Compute the impact of each fault.

    A wait (from a request to its response, from a lost connection to the welcome, from the time a command was
    due to its final event) is attributed to the last fault healed before its end, if it had begun by then. It
    may still be the impact of an earlier one, such as the leader's, so it counts as felt for all of them.
    """
    ordered = sorted(injected, key=lambda one: one.healed)
    moments = [one.healed for one in ordered]
    most = [0.0] * len(ordered)
    gaps = [0.0] * len(ordered)
    felt = [0.0] * len(ordered)
    for start, end in [*waits, *_finals(history)]:
        last = bisect_right(moments, end) - 1
        for place in range(bisect_left(moments, start - SOON_SECONDS), last + 1):
            felt[place] = max(felt[place], end - moments[place])
        if last >= 0 and start <= moments[last] + SOON_SECONDS:
            most[last] = max(most[last], end - moments[last])
            gaps[last] = max(gaps[last], end - max(start, ordered[last].start))
    alone = _alone([(one.start, one.healed + after) for one, after in zip(ordered, most, strict=True)])
    return [FaultImpact(*each) for each in zip(ordered, most, gaps, felt, alone, strict=True)]


def _alone(spans: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether each span is far enough from all others."""
    near = SETTLED_SECONDS
    return [
        all(other is span or other[1] + near < span[0] or other[0] > span[1] + near for other in spans)
        for span in spans
    ]


def _finals(history: History) -> list[tuple[float, float]]:
    """Return the waits for final events that came late; those of agents take the time of the provider."""
    events = [event for life in history.clouds for event in life.events]
    received = {event.operation: event.at for event in events if event.type == "received"}
    served = _SERVED_SECONDS + (history.agent.work if history.agent else 0.0)
    waits = []
    for event in events:
        if event.type in _FINAL and event.operation in received:
            due = received[event.operation] + history.delay
            late = event.at - due
            if late > (served if event.provider else 0.25):
                waits.append((due, event.at))
    return waits
