"""Error codes, and the two representations of an error: a NATS reply and an HTTP problem (RFC 9457).

Codes are stable, so clients may switch on them. Messages may change.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, TypeAdapter

from opsroom_contracts.serialization.model import Identifier, Model, Timestamp


class ErrorCode(StrEnum):
    """A machine-readable error code."""

    INVALID_REQUEST = "invalid_request"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NAME_INVALID = "name_invalid"
    NAME_TAKEN = "name_taken"
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - a code, not a secret
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    ORIGIN_REFUSED = "origin_refused"
    COURSE_OFF = "course_off"
    USER_UNKNOWN = "user_unknown"
    ROOM_UNKNOWN = "room_unknown"
    MESSAGE_UNKNOWN = "message_unknown"
    FILE_UNKNOWN = "file_unknown"
    STORAGE_FULL = "storage_full"
    MUTED = "muted"
    BANNED = "banned"
    RESTRICTION_UNKNOWN = "restriction_unknown"
    INVITATION_UNKNOWN = "invitation_unknown"
    LINK_INVALID = "link_invalid"
    HOOK_UNKNOWN = "hook_unknown"
    INCIDENT_UNKNOWN = "incident_unknown"
    WEBHOOK_UNKNOWN = "webhook_unknown"
    HELLO_REQUIRED = "hello_required"
    INSTANCE_NOT_FOUND = "instance_not_found"
    OPERATION_NOT_FOUND = "operation_not_found"
    OPERATION_PENDING = "operation_pending"
    OPERATION_FINISHED = "operation_finished"
    NOT_AWAITING = "not_awaiting"
    """The operation does not await approval, or no longer."""
    APPROVAL_REQUIRED = "approval_required"
    """The command would have to be approved, and this client can't wait for that."""
    TRANSITION_INVALID = "transition_invalid"
    PROTECTED = "protected"
    TEMPLATE_UNKNOWN = "template_unknown"
    PROVIDER_UNKNOWN = "provider_unknown"
    PROVIDER_AWAY = "provider_away"
    UNSUPPORTED = "unsupported"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    IDEMPOTENCY_IN_FLIGHT = "idempotency_in_flight"
    RATE_LIMITED = "rate_limited"
    REQUEST_TIMEOUT = "request_timeout"
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


HTTP_STATUS: dict[ErrorCode, int] = {
    ErrorCode.INVALID_REQUEST: 422,
    ErrorCode.PAYLOAD_TOO_LARGE: 413,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.NAME_INVALID: 422,
    ErrorCode.NAME_TAKEN: 409,
    ErrorCode.TOKEN_INVALID: 401,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.ORIGIN_REFUSED: 403,
    ErrorCode.COURSE_OFF: 403,
    ErrorCode.USER_UNKNOWN: 404,
    ErrorCode.ROOM_UNKNOWN: 404,
    ErrorCode.MESSAGE_UNKNOWN: 404,
    ErrorCode.FILE_UNKNOWN: 404,
    ErrorCode.STORAGE_FULL: 507,
    ErrorCode.MUTED: 403,
    ErrorCode.BANNED: 403,
    ErrorCode.RESTRICTION_UNKNOWN: 404,
    ErrorCode.INVITATION_UNKNOWN: 404,
    ErrorCode.LINK_INVALID: 404,
    ErrorCode.HOOK_UNKNOWN: 404,
    ErrorCode.INCIDENT_UNKNOWN: 404,
    ErrorCode.WEBHOOK_UNKNOWN: 404,
    ErrorCode.HELLO_REQUIRED: 400,
    ErrorCode.INSTANCE_NOT_FOUND: 404,
    ErrorCode.OPERATION_NOT_FOUND: 404,
    ErrorCode.OPERATION_PENDING: 409,
    ErrorCode.OPERATION_FINISHED: 409,
    ErrorCode.NOT_AWAITING: 409,
    ErrorCode.APPROVAL_REQUIRED: 409,
    ErrorCode.TRANSITION_INVALID: 409,
    ErrorCode.PROTECTED: 409,
    ErrorCode.TEMPLATE_UNKNOWN: 422,
    ErrorCode.PROVIDER_UNKNOWN: 404,
    ErrorCode.PROVIDER_AWAY: 503,
    ErrorCode.UNSUPPORTED: 409,
    ErrorCode.IDEMPOTENCY_MISMATCH: 422,
    ErrorCode.IDEMPOTENCY_IN_FLIGHT: 409,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.REQUEST_TIMEOUT: 408,
    ErrorCode.OVERLOADED: 503,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.INTERNAL: 500,
}
"""The HTTP status of each code; also the numeric error code of a NATS reply."""

RETRYABLE = frozenset(
    {
        ErrorCode.OVERLOADED,
        ErrorCode.UNAVAILABLE,
        ErrorCode.IDEMPOTENCY_IN_FLIGHT,
        ErrorCode.RATE_LIMITED,
        ErrorCode.REQUEST_TIMEOUT,
    }
)
"""Codes after which the same request may succeed a little later."""


class Fault(Model):
    """An error reply of a service over NATS.

    ``field``: dotted path of the invalid field. ``operation_id``: the conflicting operation, or the earlier
    one with the same idempotency key. ``retry_after``: seconds to wait before a retry. ``until``: when the
    mute or ban expires.
    """

    code: ErrorCode
    message: Annotated[str, Field(max_length=1000)]
    field: str | None = None
    operation_id: Identifier | None = None
    retry_after: Annotated[float, Field(ge=0)] | None = None
    until: Timestamp | None = None


class Problem(Model):
    """An error response of the gateway over HTTP: problem details (RFC 9457)."""

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    code: ErrorCode
    field: str | None = None
    operation_id: Identifier | None = None
    retry_after: Annotated[float, Field(ge=0)] | None = None
    until: Timestamp | None = None


FAULT = TypeAdapter(Fault)


class FaultError(Exception):
    """A request was refused; ``fault`` is the error reply for the caller."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.code.value}: {fault.message}")
        self.fault = fault


def refuse(
    code: ErrorCode,
    message: str,
    *,
    field: str | None = None,
    operation_id: str | None = None,
    retry_after: float | None = None,
    until: datetime | None = None,
) -> FaultError:
    """Build the exception that refuses a request with ``code``."""
    fault = Fault(
        code=code,
        message=message,
        field=field,
        operation_id=operation_id,
        retry_after=retry_after,
        until=until,
    )
    return FaultError(fault)
