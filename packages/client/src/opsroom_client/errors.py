"""What can go wrong, as one tree.

- :class:`OpsroomError`

  - :class:`RefusedError`: the server answered, and said no, with a code
  - :class:`ClosedError`: the server closed the chat for good; says whether registering again helps
  - :class:`UnreachableError`: nobody answered in time
  - :class:`NotAcknowledgedError`: sent, and no word of it: it may be stored or not
  - :class:`UnexpectedResponseError`: what answered is not an Opsroom that this client knows
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from opsroom_contracts.close_codes import Retry
from opsroom_contracts.codec import first_fault
from opsroom_contracts.errors import RETRYABLE, ErrorCode


class OpsroomError(Exception):
    """Base of all that this package raises by itself."""


class RefusedError(OpsroomError):
    """The server refused, and nothing was changed.

    Attributes:
        code: what is wrong; stable, to switch on.
        field: dotted path of the field at fault.
        operation_id: the operation that is in the way.
        retry_after: in how many seconds the same may be tried again.
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
        """Whether the same, tried a little later, may succeed."""
        return self.code in RETRYABLE


class ClosedError(OpsroomError):
    """The server closed the chat, and coming back the same way won't help.

    Attributes:
        code: the WebSocket close code.
        retry: ``never``, or ``register``: a new token is needed.
    """

    def __init__(self, code: int, reason: str, retry: Retry) -> None:
        super().__init__(f"the server closed the chat: {reason} ({code})")
        self.code = code
        self.retry = retry


class UnreachableError(OpsroomError):
    """Nobody answered in time; the message says where and what was tried last."""


class NotAcknowledgedError(OpsroomError):
    """A message was not acknowledged in time. Send it again with the same ``client_id``: it is stored once.

    Attributes:
        client_id: the id it was sent with.
    """

    def __init__(self, client_id: str, seconds: float) -> None:
        super().__init__(f"the message {client_id} was not acknowledged within {seconds:g} s")
        self.client_id = client_id


class UnexpectedResponseError(OpsroomError):
    """An answer that fits no contract: something else listens there, or another version."""


@contextmanager
def refusing() -> Iterator[None]:
    """Around what makes a request: what no server would take is refused here, as the server would.

    Raises:
        RefusedError: it breaks the contract.
    """
    try:
        yield
    except ValidationError as error:
        fault = first_fault(error)
        raise RefusedError(ErrorCode.INVALID_REQUEST, str(fault), field=fault.field or None) from None
