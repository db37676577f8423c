"""Compare what a reader received with what was sent: no gaps, no duplicates, no reordering."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeliveryFaults:
    """The delivery faults of a reader, or the sum of many: missed, repeated and misordered messages.

    ``unknown``: received messages that were never sent.
    """

    missed: int = 0
    repeated: int = 0
    misordered: int = 0
    unknown: int = 0

    def __add__(self, other: "DeliveryFaults") -> "DeliveryFaults":
        return DeliveryFaults(
            self.missed + other.missed,
            self.repeated + other.repeated,
            self.misordered + other.misordered,
            self.unknown + other.unknown,
        )


def check_delivery(sent: Sequence[str], got: Sequence[str]) -> DeliveryFaults:
    """Count the faults of ``got`` compared with ``sent``. The keys in ``sent`` are unique."""
    if list(sent) == list(got):
        return DeliveryFaults()
    places = {key: place for place, key in enumerate(sent)}
    seen: set[str] = set()
    furthest = -1
    repeated = misordered = unknown = 0
    for key in got:
        place = places.get(key)
        if place is None:
            unknown += 1
        elif key in seen:
            repeated += 1
        else:
            misordered += place < furthest
            furthest = max(furthest, place)
            seen.add(key)
    return DeliveryFaults(len(places) - len(seen), repeated, misordered, unknown)
