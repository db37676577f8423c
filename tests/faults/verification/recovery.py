"""How long a fault was felt, and how long anybody waited because of it. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.nemesis.nemesis import InjectedFault
from tests.faults.verification.history import History

SOON_SECONDS = 1.0
"""What was begun within this time after a fault was healed may still be slow because of it."""
SETTLED_SECONDS = 0.5
"""Between the end of one fault and the beginning of another that is to count as alone."""
_FINAL = {"created", "started", "stopped", "removed"}


@dataclass(frozen=True, slots=True)
class FaultImpact:
    """How a fault was felt, in seconds.

    ``recovery``: from when it was healed until the last wait that it explains was over; ``gap``: the longest
    of these waits by itself, which is what one client saw; ``alone``: no other was under way or felt then.
    """

    fault: InjectedFault
    recovery: float
    gap: float
    alone: bool


def fault_impacts(
    injected: Sequence[InjectedFault], waits: Sequence[tuple[float, float]], history: History
) -> list[FaultImpact]:
    """How each fault was felt.

    A wait (from asking to the answer, from a lost connection to the welcome, from the moment a command was
    due to its final event) is put down to the last fault healed before it was over, if it had begun by then.
    """
    ordered = sorted(injected, key=lambda one: one.healed)
    moments = [one.healed for one in ordered]
    most = [0.0] * len(ordered)
    gaps = [0.0] * len(ordered)
    for start, end in [*waits, *_finals(history)]:
        place = bisect_right(moments, end) - 1
        if place >= 0 and start <= moments[place] + SOON_SECONDS:
            most[place] = max(most[place], end - moments[place])
            gaps[place] = max(gaps[place], end - max(start, ordered[place].start))
    alone = _alone([(one.start, one.healed + felt) for one, felt in zip(ordered, most, strict=True)])
    return [FaultImpact(*each) for each in zip(ordered, most, gaps, alone, strict=True)]


def _alone(spans: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether each keeps its distance from all others."""
    near = SETTLED_SECONDS
    return [
        all(other is span or other[1] + near < span[0] or other[0] > span[1] + near for other in spans)
        for span in spans
    ]


def _finals(history: History) -> list[tuple[float, float]]:
    received = {event.operation: event.at for event in history.events if event.type == "received"}
    waits = []
    for event in history.events:
        if event.type in _FINAL and event.operation in received:
            due = received[event.operation] + history.delay
            if event.at - due > 0.25:
                waits.append((due, event.at))
    return waits
