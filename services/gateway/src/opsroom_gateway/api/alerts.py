"""Routes of ``/hooks``: what other programs post becomes cards.

The secret in the path is the whole permission, and gives no other one. No answer and no log contains it.
"""

import base64
import hashlib
import hmac
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Path, Query, Request
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from opsroom_contracts import endpoints
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.incidents.cards import CARD_KEY_MAX
from opsroom_contracts.incidents.hooks import AlertRequest, HookFormat, JsonReport, SentHeader
from opsroom_contracts.serialization.model import Model
from opsroom_gateway.api.problem_details import error_responses
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_messaging.client.request_client import RequestClient

_SECRET_LENGTH: Final = 43
_HEADERS: Final = ("content-type", "x-github-event")
_DELIVERIES: Final = ("idempotency-key", "webhook-id", "x-github-delivery")
_HEADER_MAX: Final = 200
_ANY_JSON: Final[dict[str, Any]] = {"schema": {"type": "object"}}
_OK: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Stored", "content": {"text/plain": {"schema": {"type": "string", "const": "ok"}}}}
}
_ERRORS: Final = (
    ErrorCode.HOOK_UNKNOWN,
    ErrorCode.FORBIDDEN,
    ErrorCode.RATE_LIMITED,
    ErrorCode.PAYLOAD_TOO_LARGE,
    ErrorCode.INVALID_REQUEST,
    ErrorCode.UNAVAILABLE,
)
_Secret = Annotated[str, Path(max_length=200, description="The secret of a hook.")]
_Key = Annotated[
    str | None,
    Query(min_length=1, max_length=CARD_KEY_MAX, description="With format `json`: what the report is about."),
]


def alerts_router(requester: RequestClient, limits: Limits) -> APIRouter:
    """Build the routes that other programs post to."""
    router = APIRouter(prefix="/hooks", tags=["hooks"])

    @router.post(
        "/{secret}",
        summary="Post a message to a hook",
        response_class=PlainTextResponse,
        responses=_OK | error_responses(*_ERRORS),
        openapi_extra=_body(_ANY_JSON),
    )
    async def message(request: Request, secret: _Secret) -> PlainTextResponse:
        """In the format of Slack's incoming webhooks: JSON, or a form with `payload`.

        The answer is `ok` once the card is stored. With `Idempotency-Key` or `webhook-id`, a repeated request
        changes nothing.
        """
        return await _accept(requester, limits, request, secret, HookFormat.SLACK, None)

    @router.post(
        "/{secret}/{format}",
        summary="Post a report to a hook",
        response_class=PlainTextResponse,
        responses=_OK | error_responses(*_ERRORS),
        openapi_extra=_body({"schema": _in_one_piece(JsonReport)}),
    )
    async def report(
        request: Request,
        secret: _Secret,
        format: HookFormat,  # noqa: A002 - the name of the parameter in the documentation
        key: _Key = None,
    ) -> PlainTextResponse:
        """In the format of its sender. Reports with the same key update one card.

        Described here is `json`, for programs whose requests one can write; the others send what they do.
        """
        return await _accept(requester, limits, request, secret, format, key)

    return router


def _body(json: dict[str, Any]) -> dict[str, Any]:
    form = {"schema": {"type": "object", "properties": {"payload": {"type": "string"}}}}
    content = {"application/json": json, "application/x-www-form-urlencoded": form}
    return {"requestBody": {"required": True, "content": content}}


def _in_one_piece(model: type[Model]) -> dict[str, Any]:
    """Return the schema of ``model`` without references: there is no other place for definitions here."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolved(part: object) -> object:
        if isinstance(part, list):
            return [resolved(one) for one in part]
        if not isinstance(part, dict):
            return part
        name = str(part.get("$ref", "")).removeprefix("#/$defs/")
        return resolved(definitions[name]) if name else {key: resolved(one) for key, one in part.items()}

    return {key: resolved(one) for key, one in schema.items()}


async def _accept(
    requester: RequestClient,
    limits: Limits,
    request: Request,
    secret: str,
    sender: HookFormat,
    key: str | None,
) -> PlainTextResponse:
    limits.count_hook(client_of(request), secret_hash := hashlib.sha256(secret.encode()).hexdigest())
    if len(secret) != _SECRET_LENGTH:
        raise refuse(ErrorCode.HOOK_UNKNOWN, "there is no hook with this address")
    body = await request.body()
    _check_sender(request.headers, secret, body)
    alert = AlertRequest(
        secret_hash=secret_hash,
        format=sender,
        body=base64.b64encode(body).decode(),
        headers=tuple(
            SentHeader(name=name, value=request.headers[name][:_HEADER_MAX])
            for name in _HEADERS
            if name in request.headers
        ),
        key=key,
        delivery=_delivery_of(request.headers),
        request_id=uuid4().hex,
    )
    await requester.request(endpoints.ALERT, alert)
    return PlainTextResponse("ok")


def _delivery_of(headers: Headers) -> str | None:
    """Return what the sender calls this delivery, if it does."""
    for name in _DELIVERIES:
        value = headers.get(name)
        if value:
            return f"{name}/{hashlib.sha256(value.encode()).hexdigest()}"
    return None


def _check_sender(headers: Headers, secret: str, body: bytes) -> None:
    """Check what GitHub and GitLab prove, if they do. Their secret is that of the hook.

    Raises:
        FaultError: ``forbidden``.
    """
    signature = headers.get("x-hub-signature-256")
    if signature is not None:
        expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            message = "X-Hub-Signature-256: is wrong; the secret of the webhook must be that in its address"
            raise refuse(ErrorCode.FORBIDDEN, message)
    token = headers.get("x-gitlab-token")
    if token is not None and not hmac.compare_digest(token.encode(), secret.encode()):
        message = "X-Gitlab-Token: is wrong; the secret token of the webhook must be that in its address"
        raise refuse(ErrorCode.FORBIDDEN, message)
