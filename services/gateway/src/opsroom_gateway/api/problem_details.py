"""Error responses over HTTP: problem details (RFC 9457) with a stable code."""

import logging
import math
import sys
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from opsroom_contracts.errors import HTTP_STATUS, RETRYABLE, ErrorCode, Fault, FaultError, Problem
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.explanations import explanation
from opsroom_gateway.api.methods import allowed_methods
from opsroom_gateway.metrics import ERROR_COUNTER
from opsroom_messaging.errors import UnavailableError
from opsroom_runtime.metrics import Counter

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = "1"

log = logging.getLogger(__name__)

_TITLES: dict[ErrorCode, str] = {
    ErrorCode.INVALID_REQUEST: "Invalid request",
    ErrorCode.PAYLOAD_TOO_LARGE: "Payload too large",
    ErrorCode.NOT_FOUND: "Not found",
    ErrorCode.METHOD_NOT_ALLOWED: "Method not allowed",
    ErrorCode.NAME_INVALID: "Invalid name",
    ErrorCode.NAME_TAKEN: "Name already taken",
    ErrorCode.TOKEN_INVALID: "Invalid token",
    ErrorCode.UNAUTHENTICATED: "Authentication required",
    ErrorCode.FORBIDDEN: "Permission denied",
    ErrorCode.ORIGIN_REFUSED: "Origin not allowed",
    ErrorCode.COURSE_OFF: "Course contract disabled",
    ErrorCode.USER_UNKNOWN: "User not found",
    ErrorCode.ROOM_UNKNOWN: "Room not found",
    ErrorCode.MESSAGE_UNKNOWN: "Message not found",
    ErrorCode.FILE_UNKNOWN: "File not found",
    ErrorCode.STORAGE_FULL: "No space for files",
    ErrorCode.MUTED: "Muted",
    ErrorCode.BANNED: "Banned",
    ErrorCode.RESTRICTION_UNKNOWN: "Restriction not found",
    ErrorCode.INVITATION_UNKNOWN: "Invitation not found",
    ErrorCode.LINK_INVALID: "Link not valid",
    ErrorCode.HOOK_UNKNOWN: "There is no such hook",
    ErrorCode.INCIDENT_UNKNOWN: "There is no such incident",
    ErrorCode.WEBHOOK_UNKNOWN: "There is no such webhook",
    ErrorCode.HELLO_REQUIRED: "Hello required",
    ErrorCode.INSTANCE_NOT_FOUND: "Instance not found",
    ErrorCode.OPERATION_NOT_FOUND: "Operation not found",
    ErrorCode.OPERATION_PENDING: "Another operation is pending",
    ErrorCode.OPERATION_FINISHED: "Operation already finished",
    ErrorCode.NOT_AWAITING: "Not awaiting approval",
    ErrorCode.APPROVAL_REQUIRED: "Approval required",
    ErrorCode.TRANSITION_INVALID: "Invalid state transition",
    ErrorCode.PROTECTED: "Instance protected",
    ErrorCode.TEMPLATE_UNKNOWN: "Template not found",
    ErrorCode.PROVIDER_UNKNOWN: "Provider not found",
    ErrorCode.PROVIDER_AWAY: "Provider not connected",
    ErrorCode.UNSUPPORTED: "Not supported by the provider",
    ErrorCode.IDEMPOTENCY_MISMATCH: "Idempotency key reused",
    ErrorCode.IDEMPOTENCY_IN_FLIGHT: "Request in progress",
    ErrorCode.RATE_LIMITED: "Too many requests",
    ErrorCode.REQUEST_TIMEOUT: "Request timeout",
    ErrorCode.OVERLOADED: "Server overloaded",
    ErrorCode.UNAVAILABLE: "Service unavailable",
    ErrorCode.INTERNAL: "Internal server error",
}


class _ProblemResponse(Response):
    """A response that increments the error counter when it is sent."""

    code = ErrorCode.INTERNAL

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the error, and send the response."""
        counter: Counter | None = scope.get(ERROR_COUNTER)
        if counter is not None:
            counter.add(self.code.value)
        await super().__call__(scope, receive, send)


def problem_of(fault: Fault) -> Problem:
    """Return the problem for a fault."""
    return Problem(
        type=f"urn:opsroom:error:{fault.code.value}",
        title=_TITLES[fault.code],
        status=HTTP_STATUS[fault.code],
        detail=fault.message,
        code=fault.code,
        field=fault.field,
        operation_id=fault.operation_id,
        retry_after=fault.retry_after,
        until=fault.until,
    )


def problem_response(fault: Fault) -> Response:
    """Return the response for a fault; ``Retry-After`` is set if a retry can succeed (seconds)."""
    problem = problem_of(fault)
    headers: dict[str, str] = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(fault.retry_after))
    elif fault.code in RETRYABLE:
        headers["Retry-After"] = _RETRY_AFTER_SECONDS
    if fault.code is ErrorCode.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    elif fault.code is ErrorCode.TOKEN_INVALID:
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    response = _ProblemResponse(encode(problem), problem.status, headers, MEDIA_TYPE)
    response.code = fault.code
    return response


def install(app: FastAPI) -> None:
    """Return every error of ``app`` as a problem, including the framework's own."""

    async def on_fault(_request: Request, error: Exception) -> Response:
        if not isinstance(error, FaultError):
            raise error
        return problem_response(error.fault)

    async def on_unavailable(_request: Request, error: Exception) -> Response:
        log.warning("the broker did not reply: %s", error)
        return problem_response(
            Fault(code=ErrorCode.UNAVAILABLE, message="the broker did not reply in time; try again")
        )

    async def on_invalid(_request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return problem_response(_fault_of(error))

    async def on_http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        return _http_problem(error, request)

    async def on_unexpected(_request: Request, _error: Exception) -> Response:
        return problem_response(
            Fault(code=ErrorCode.INTERNAL, message="an internal error; it has been logged")
        )

    app.add_exception_handler(FaultError, on_fault)
    app.add_exception_handler(UnavailableError, on_unavailable)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_unexpected)
    _describe_problem(app)


def _describe_problem(app: FastAPI) -> None:
    """Add the schema that ``error_responses`` refers to to the OpenAPI document."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    schemas = {**schema.pop("$defs", {}), Problem.__name__: schema}
    described = app.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        for name, one in schemas.items():
            document["components"]["schemas"].setdefault(name, one)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way documented by FastAPI to extend the document


def _fault_of(error: RequestValidationError) -> Fault:
    first: dict[str, Any] = error.errors()[0]
    # The first part is the location (body, path, query or header), not part of the field's name.
    path = ".".join(str(part) for part in first["loc"][1:])
    if first["type"] == "json_invalid":
        return Fault(code=ErrorCode.INVALID_REQUEST, message=f"the body is not JSON: {first['ctx']['error']}")
    reason = explanation(first, None if path else f"the {first['loc'][0]}")
    message = f"{path}: {reason}" if path else reason
    return Fault(code=ErrorCode.INVALID_REQUEST, message=message[:1000], field=path or None)


def _http_problem(error: HTTPException, request: Request) -> Response:
    codes = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED, 413: ErrorCode.PAYLOAD_TOO_LARGE}
    code = codes.get(
        error.status_code, ErrorCode.INVALID_REQUEST if error.status_code < 500 else ErrorCode.INTERNAL
    )
    response = problem_response(Fault(code=code, message=_reason(error)))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    if error.status_code == 405:
        response.headers["Allow"] = ", ".join(allowed_methods(request.app.routes, request.scope))
    return response


def _reason(error: HTTPException) -> str:
    """Return the detail, or what the framework does not say about a body that it could not parse."""
    if isinstance(error.__cause__, UnicodeDecodeError):
        return "the body is not JSON in UTF-8"
    if isinstance(error.__cause__, ValueError):  # the only other one that Python's parser raises
        return f"a number in the body has more than {sys.get_int_max_str_digits()} digits"
    return str(error.detail)


def error_responses(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses for ``codes``, each with an example."""
    responses: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        status = HTTP_STATUS[code]
        entry = responses.setdefault(
            status,
            {
                "description": "",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}},
            },
        )
        entry["description"] = "; ".join(filter(None, (entry["description"], _TITLES[code])))
        entry["content"][MEDIA_TYPE]["examples"][code.value] = {
            "value": {
                "type": f"urn:opsroom:error:{code.value}",
                "title": _TITLES[code],
                "status": status,
                "detail": "a human-readable explanation",
                "code": code.value,
            }
        }
    return responses


def example_response(status: int, value: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI response of a successful request, with ``value`` as its example."""
    return {status: {"content": {"application/json": {"example": value}}}}
