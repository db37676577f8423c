"""WebSocket close codes of ``/api/v1``: each says whether, and when, to come back."""

import re
from dataclasses import dataclass, replace
from enum import Enum, StrEnum

RETRY_HINT = r"; retry in (\d+\.\d) s$"
"""How the reason of a close ends that says when to come back, in seconds; a pattern for JavaScript too."""


class Retry(StrEnum):
    """What a client should do after a close."""

    NEVER = "never"
    """The connection did its work, or the same attempt would fail again."""
    NOW = "now"
    """Reconnect with jitter and resume from the last sequence seen."""
    LATER = "later"
    """Reconnect with growing delays and resume."""
    REGISTER = "register"
    """Register again; the token no longer opens anything."""


@dataclass(frozen=True, slots=True)
class CloseCode:
    """A code of RFC 6455 (1000 to 1015) or of ours (4000 to 4999)."""

    code: int
    reason: str
    retry: Retry

    def with_retry(self, seconds: float) -> "CloseCode":
        """The same, its reason ending in a hint when to come back: ``going away; retry in 1.4 s``."""
        return replace(self, reason=f"{self.reason}; retry in {seconds:.1f} s")


def retry_hint(reason: str) -> float | None:
    """After how many seconds a close asks to be retried; None: it does not say."""
    found = re.search(RETRY_HINT, reason, re.ASCII)
    return None if found is None else float(found[1])


class Close(Enum):
    """Every way in which the server closes a socket."""

    LEFT = CloseCode(1000, "left", Retry.NEVER)
    GOING_AWAY = CloseCode(1001, "going away", Retry.NOW)
    TOO_BIG = CloseCode(1009, "message too big", Retry.NEVER)
    PING_TIMEOUT = CloseCode(1011, "keepalive ping timeout", Retry.NOW)
    TRY_LATER = CloseCode(1013, "try again later", Retry.LATER)
    HELLO_EXPECTED = CloseCode(4001, "hello expected", Retry.NEVER)
    TOKEN_INVALID = CloseCode(4002, "token invalid", Retry.REGISTER)
    NAME_LOST = CloseCode(4003, "name taken by someone else meanwhile", Retry.REGISTER)
    BANNED = CloseCode(4004, "banned", Retry.NEVER)
    TOO_SLOW = CloseCode(4008, "too slow: reconnect and resume", Retry.NOW)
    PROTOCOL = CloseCode(4009, "too many malformed frames", Retry.NEVER)
