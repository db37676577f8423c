"""Holding what a reader got against what was sent: nothing missed, nothing twice, nothing out of order."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeliveryFaults:
    """Of one reader or, summed, of many: how many messages were missed, came again, or came out of order.

    ``unknown``: how many came that nobody sent.
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
    """What is wrong with ``got``, which should be ``sent``; each message of ``sent`` has a key of its own."""
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
