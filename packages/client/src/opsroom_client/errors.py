"""All exceptions of this package, as one tree.

- :class:`OpsroomError`

  - :class:`RequestRejectedError`: the server rejected a request, with an error code
  - :class:`ClosedError`: the server closed the chat permanently, see its ``retry``
  - :class:`UnreachableError`: no response in time
  - :class:`NotAcknowledgedError`: a message was sent, but may or may not be stored
  - :class:`UnexpectedResponseError`: the response is not one of a compatible Opsroom server
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from opsroom_contracts.close_codes import Retry
from opsroom_contracts.errors import RETRYABLE, ErrorCode
from opsroom_contracts.serialization.codec import first_fault


class OpsroomError(Exception):
    """Base class of all exceptions of this package."""


class RequestRejectedError(OpsroomError):
    """The server rejected a request and changed nothing.

    Attributes:
        code: the stable error code.
        field: dotted path of the invalid field.
        operation_id: the operation that conflicts with the request.
        retry_after: in how many seconds the same request may be retried.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        field: str | None = None,
        operation_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.operation_id = operation_id
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.code in RETRYABLE


class ClosedError(OpsroomError):
    """The server closed the chat, and reconnecting with the same token won't help.

    Attributes:
        code: the WebSocket close code.
        retry: ``never``, or ``register``: a new token is needed.
    """

    def __init__(self, code: int, reason: str, retry: Retry) -> None:
        super().__init__(f"the server closed the chat: {reason} ({code})")
        self.code = code
        self.retry = retry


class UnreachableError(OpsroomError):
    """No response in time. The message names the server and the last error."""


class NotAcknowledgedError(OpsroomError):
    """A message was not acknowledged in time. A retry with the same ``client_id`` is stored once.

    Attributes:
        client_id: the id that was sent with the message.
    """

    def __init__(self, client_id: str, seconds: float) -> None:
        super().__init__(f"the message {client_id} was not acknowledged within {seconds:g} s")
        self.client_id = client_id


class UnexpectedResponseError(OpsroomError):
    """A response that matches no contract: another program, or an incompatible version."""


@contextmanager
def validating_request() -> Iterator[None]:
    """Turn a validation error of a request into the exception that the server's response would raise.

    Raises:
        RequestRejectedError: the request violates the contract.
    """
    try:
        yield
    except ValidationError as error:
        fault = first_fault(error)
        raise RequestRejectedError(ErrorCode.INVALID_REQUEST, str(fault), field=fault.field or None) from None
