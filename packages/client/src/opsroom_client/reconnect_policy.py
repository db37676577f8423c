"""Whether and when to reconnect after the end of a chat connection."""

from websockets.exceptions import ConnectionClosed, InvalidStatus

from opsroom_client.errors import ClosedError, UnexpectedResponseError
from opsroom_client.requests import RETRY_MAX_SECONDS, retry_after_of
from opsroom_contracts.chat.frames import ErrorFrame
from opsroom_contracts.close_codes import Close, Retry, retry_hint

_CLOSE_CODES = {close.value.code: close.value for close in Close}
_ABNORMAL_CLOSURE = 1006


def close_code_of(closed: ConnectionClosed) -> int:
    """The close code that the server sent; 1006 (abnormal closure) without one."""
    return closed.rcvd.code if closed.rcvd is not None else _ABNORMAL_CLOSURE


def delay_after_close(closed: ConnectionClosed, last_error: ErrorFrame | None) -> float | None:
    """The minimum delay before the next connection, in seconds; None: don't reconnect.

    ``last_error``: the server's last error frame on this connection. The delay is at least its
    ``retry_after`` and the hint in the close reason, by which a stopping server spreads the reconnects of its
    clients.

    Raises:
        ClosedError: the close code rules out a reconnect, see ``opsroom_contracts.close_codes``.
    """
    if closed.sent is not None and not closed.rcvd_then_sent:
        return 0.0  # we closed it ourselves, to resume
    code = close_code_of(closed)
    close = _CLOSE_CODES.get(code)
    if close is None or close.retry in {Retry.NOW, Retry.LATER}:
        hint = retry_hint(closed.rcvd.reason) if closed.rcvd is not None else None
        retry_after = last_error.retry_after if last_error is not None else None
        return min(max(hint or 0.0, retry_after or 0.0), RETRY_MAX_SECONDS)
    if close is Close.LEFT.value:
        return None
    raise ClosedError(code, last_error.message if last_error else close.reason, close.retry)


def delay_after_rejected_handshake(url: str, error: InvalidStatus) -> float:
    """The minimum delay before the next connection, in seconds.

    Raises:
        UnexpectedResponseError: a retry would be rejected again.
    """
    status = error.response.status_code
    if status != 429 and status < 500:
        raise UnexpectedResponseError(f"{url} rejected the WebSocket handshake with {status}")
    return retry_after_of(error.response.headers) or 0.0
