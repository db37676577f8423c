"""WebSocket close codes of ``/api/v1``, and whether a client should reconnect after each."""

import re
from dataclasses import dataclass, replace
from enum import Enum, StrEnum

RETRY_HINT = r"; retry in (\d+\.\d) s$"
"""Pattern of a retry delay in seconds at the end of a close reason; also valid in JavaScript."""


class Retry(StrEnum):
    """The reconnect policy of a close code."""

    NEVER = "never"
    """Don't reconnect: the connection is complete, or another attempt would fail, too."""
    NOW = "now"
    """Reconnect with jitter and resume from the last received sequence."""
    LATER = "later"
    """Reconnect with exponential backoff and resume."""
    REGISTER = "register"
    """Register again: the token is no longer valid."""


@dataclass(frozen=True, slots=True)
class CloseCode:
    """A standard close code of RFC 6455 (1000 to 1015) or one of Opsroom's (4000 to 4999)."""

    code: int
    reason: str
    retry: Retry

    def with_retry(self, seconds: float) -> "CloseCode":
        """Return a copy with a retry delay at the end of the reason: ``going away; retry in 1.4 s``."""
        return replace(self, reason=f"{self.reason}; retry in {seconds:.1f} s")


def retry_hint(reason: str) -> float | None:
    """Return the retry delay in a close reason, in seconds; None if it has none."""
    found = re.search(RETRY_HINT, reason, re.ASCII)
    return None if found is None else float(found[1])


class Close(Enum):
    """All close codes that the server sends."""

    LEFT = CloseCode(1000, "left", Retry.NEVER)
    GOING_AWAY = CloseCode(1001, "going away", Retry.NOW)
    INCOMPLETE = CloseCode(1008, "message not complete in time", Retry.NOW)
    TOO_BIG = CloseCode(1009, "message too big", Retry.NEVER)
    PING_TIMEOUT = CloseCode(1011, "keepalive ping timeout", Retry.NOW)
    TRY_LATER = CloseCode(1013, "try again later", Retry.LATER)
    HELLO_EXPECTED = CloseCode(4001, "hello expected", Retry.NEVER)
    TOKEN_INVALID = CloseCode(4002, "token invalid", Retry.REGISTER)
    NAME_LOST = CloseCode(4003, "name taken by someone else meanwhile", Retry.REGISTER)
    BANNED = CloseCode(4004, "banned", Retry.NEVER)
    TOO_SLOW = CloseCode(4008, "too slow: reconnect and resume", Retry.NOW)
    PROTOCOL = CloseCode(4009, "too many malformed frames", Retry.NEVER)
