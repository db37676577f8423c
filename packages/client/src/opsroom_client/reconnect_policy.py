"""What the end of a connection to the chat means: whether to come back, and when."""

from websockets.exceptions import ConnectionClosed, InvalidStatus

from opsroom_client.errors import ClosedError, UnexpectedResponseError
from opsroom_contracts.close_codes import Close, Retry
from opsroom_contracts.frames import ErrorFrame

_CLOSES = {close.value.code: close.value for close in Close}
_BROKEN = 1006


def close_code_of(closed: ConnectionClosed) -> int:
    """The close code that the server gave; 1006 where it gave none."""
    return closed.rcvd.code if closed.rcvd is not None else _BROKEN


def delay_after_close(closed: ConnectionClosed, refusal: ErrorFrame | None) -> float | None:
    """Seconds to wait at least before the next connection; None: no other.

    ``refusal``: the server's last error on this one.

    Raises:
        ClosedError: by the contract of close codes there is no coming back.
    """
    if closed.sent is not None and not closed.rcvd_then_sent:
        return 0.0  # we closed it ourselves, to ask again
    code = close_code_of(closed)
    close = _CLOSES.get(code)
    if close is None or close.retry in {Retry.NOW, Retry.LATER}:
        return refusal.retry_after or 0.0 if refusal else 0.0
    if close is Close.LEFT.value:
        return None
    raise ClosedError(code, refusal.message if refusal else close.reason, close.retry)


def delay_after_rejected_handshake(url: str, error: InvalidStatus) -> float:
    """Seconds to wait at least before the next connection.

    Raises:
        UnexpectedResponseError: the same will be refused again.
    """
    status = error.response.status_code
    if status != 429 and status < 500:
        raise UnexpectedResponseError(f"{url} answered {status} to the WebSocket handshake")
    asked = error.response.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else 0.0
