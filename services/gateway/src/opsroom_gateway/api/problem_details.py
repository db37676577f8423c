"""Errors over HTTP: problem details (RFC 9457) with a stable code."""

import logging
import math
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from opsroom_contracts.codec import encode
from opsroom_contracts.errors import HTTP_STATUS, RETRYABLE, ErrorCode, Fault, FaultError, Problem
from opsroom_gateway.metrics import ERROR_COUNTER
from opsroom_messaging.jetstream.stream_reader import UnavailableError
from opsroom_messaging.runtime.metrics import Counter

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = "1"

log = logging.getLogger(__name__)

_TITLES: dict[ErrorCode, str] = {
    ErrorCode.INVALID_REQUEST: "The request does not fit its contract",
    ErrorCode.PAYLOAD_TOO_LARGE: "The request is too large",
    ErrorCode.NOT_FOUND: "There is nothing here",
    ErrorCode.METHOD_NOT_ALLOWED: "Not with this method",
    ErrorCode.NAME_INVALID: "The name can't be used",
    ErrorCode.NAME_TAKEN: "The name is taken",
    ErrorCode.TOKEN_INVALID: "The token is not valid",
    ErrorCode.UNAUTHENTICATED: "Say who you are",
    ErrorCode.FORBIDDEN: "Your role may not do this",
    ErrorCode.ORIGIN_REFUSED: "Pages of this origin may not call",
    ErrorCode.COURSE_OFF: "The course contract is off here",
    ErrorCode.USER_UNKNOWN: "There is no such person",
    ErrorCode.ROOM_UNKNOWN: "There is no such room",
    ErrorCode.MESSAGE_UNKNOWN: "There is no such message",
    ErrorCode.MUTED: "You may not speak",
    ErrorCode.BANNED: "You may not be here",
    ErrorCode.RESTRICTION_UNKNOWN: "There is no such mute or ban",
    ErrorCode.HELLO_REQUIRED: "Say hello first",
    ErrorCode.INSTANCE_NOT_FOUND: "There is no such instance",
    ErrorCode.OPERATION_NOT_FOUND: "There is no such operation",
    ErrorCode.OPERATION_PENDING: "Another operation is pending",
    ErrorCode.OPERATION_FINISHED: "The operation is over",
    ErrorCode.TRANSITION_INVALID: "The command makes no sense now",
    ErrorCode.IDEMPOTENCY_MISMATCH: "The key was used for something else",
    ErrorCode.IDEMPOTENCY_IN_FLIGHT: "The same request is being worked on",
    ErrorCode.RATE_LIMITED: "Too much from one",
    ErrorCode.REQUEST_TIMEOUT: "The request took too long to come",
    ErrorCode.OVERLOADED: "Too much at once",
    ErrorCode.UNAVAILABLE: "Not available just now",
    ErrorCode.INTERNAL: "Something went wrong here",
}


class _ProblemResponse(Response):
    """Counted when it is sent."""

    code = ErrorCode.INTERNAL

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        counter: Counter | None = scope.get(ERROR_COUNTER)
        if counter is not None:
            counter.add(self.code.value)
        await super().__call__(scope, receive, send)


def problem_response(fault: Fault) -> Response:
    """The HTTP answer to a refused request; what may be tried again says when (seconds)."""
    status = HTTP_STATUS[fault.code]
    problem = Problem(
        type=f"urn:opsroom:error:{fault.code.value}",
        title=_TITLES[fault.code],
        status=status,
        detail=fault.message,
        code=fault.code,
        field=fault.field,
        operation_id=fault.operation_id,
        retry_after=fault.retry_after,
        until=fault.until,
    )
    headers: dict[str, str] = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(fault.retry_after))
    elif fault.code in RETRYABLE:
        headers["Retry-After"] = _RETRY_AFTER_SECONDS
    if fault.code is ErrorCode.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    elif fault.code is ErrorCode.TOKEN_INVALID:
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    response = _ProblemResponse(encode(problem), status, headers, MEDIA_TYPE)
    response.code = fault.code
    return response


def install(app: FastAPI) -> None:
    """Have every error of ``app`` answered as a problem, the framework's own included."""

    async def on_fault(_request: Request, error: Exception) -> Response:
        if not isinstance(error, FaultError):
            raise error
        return problem_response(error.fault)

    async def on_unavailable(_request: Request, error: Exception) -> Response:
        log.warning("the broker did not answer: %s", error)
        return problem_response(
            Fault(code=ErrorCode.UNAVAILABLE, message="the broker did not answer in time; try again")
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
    """Put the schema that ``error_responses`` refers to into the OpenAPI document."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    schemas = {**schema.pop("$defs", {}), Problem.__name__: schema}
    described = app.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        for name, one in schemas.items():
            document["components"]["schemas"].setdefault(name, one)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document


def _fault_of(error: RequestValidationError) -> Fault:
    first: dict[str, Any] = error.errors()[0]
    # The first part says where it stood: body, path, query or header; not part of the field's name.
    path = ".".join(str(part) for part in first["loc"][1:])
    if first["type"] == "json_invalid":
        return Fault(code=ErrorCode.INVALID_REQUEST, message=f"the body is not JSON: {first['ctx']['error']}")
    reason = str(first["msg"]).removeprefix("Value error, ")
    message = f"{path}: {reason}" if path else reason
    return Fault(code=ErrorCode.INVALID_REQUEST, message=message[:1000], field=path or None)


def _http_problem(error: HTTPException, request: Request) -> Response:
    codes = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED, 413: ErrorCode.PAYLOAD_TOO_LARGE}
    code = codes.get(
        error.status_code, ErrorCode.INVALID_REQUEST if error.status_code < 500 else ErrorCode.INTERNAL
    )
    response = problem_response(Fault(code=code, message=str(error.detail)))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    if error.status_code == 405:
        response.headers["Allow"] = _allowed(request)
    return response


def _allowed(request: Request) -> str:
    """All methods of the path: the framework names those of the first route there alone."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted({method for route in matching for method in route.methods or ()}))


def error_responses(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses for ``codes``, each with an example."""
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
                "detail": "in words for a person",
                "code": code.value,
            }
        }
    return responses


def example_response(status: int, value: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI response of a request that was granted, with ``value`` as its example."""
    return {status: {"content": {"application/json": {"example": value}}}}
