"""What the simulated provider does with an operation: a function of the operation's id.

So a retry, or another process after a crash, meets the same fate, and a test can look for an id with the one
that it needs.
"""

import hashlib
from dataclasses import dataclass

from opsroom_agent.providers.simulated.settings import SimulatedSettings


@dataclass(frozen=True, slots=True)
class Fate:
    """``fails``: the operation is refused. ``loses_reply``: its reply is lost after it was carried out."""

    fails: bool
    loses_reply: bool


def fate_of(operation_id: str, settings: SimulatedSettings) -> Fate:
    """Return the fate of an operation under the rates of ``settings``."""
    return Fate(
        fails=share(f"fails {operation_id}") < settings.simulated_failure_rate,
        loses_reply=share(f"loses {operation_id}") < settings.simulated_lost_reply_rate,
    )


def share(text: str) -> float:
    """Return a number from 0 to below 1 that is evenly spread over texts."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
