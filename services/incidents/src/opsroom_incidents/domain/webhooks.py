"""Rules of webhooks: their secrets and signatures, and what admins see. Pure functions."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from opsroom_contracts.chat.rooms import RoomAccessReply, RoomKind
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.incidents.webhooks import (
    SECRET_PREFIX,
    ChangeWebhookRequest,
    CreateWebhookRequest,
    DisabledReason,
    RotateWebhookRequest,
    StoredWebhookSecret,
    Webhook,
    WebhookProgress,
    WebhookRecord,
    WebhookSecretView,
    WebhookStart,
    WebhookState,
)
from opsroom_contracts.serialization.model import copy_fields, to_milliseconds
from opsroom_incidents.domain.outgoing import event_id

_ID_CHARACTERS: Final = 16
_PUBLIC: Final = frozenset({RoomKind.OPEN, RoomKind.PUBLIC})


def unknown(webhook_id: str) -> FaultError:
    """Return the refusal of a request about a webhook that is not there."""
    return refuse(ErrorCode.WEBHOOK_UNKNOWN, f"there is no webhook {webhook_id}", field="id")


def secret_of(request: CreateWebhookRequest | RotateWebhookRequest) -> str:
    """Derive a secret from the id of the request, which is impossible to guess."""
    digest = hashlib.sha256(f"webhook/{request.request_id}".encode()).digest()
    return SECRET_PREFIX + base64.b64encode(digest).decode()


def id_of(request: CreateWebhookRequest) -> str:
    """Return the id of the webhook that a request makes."""
    digest = hashlib.sha256(f"webhook-id/{request.request_id}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_ID_CHARACTERS]


def new_webhook(
    request: CreateWebhookRequest, starts: tuple[WebhookStart, ...], now: datetime
) -> WebhookRecord:
    """Return the record of a new webhook."""
    moment = to_milliseconds(now)
    return WebhookRecord(
        id=id_of(request),
        url=request.url,
        description=request.description,
        filter=request.filter,
        created_at=moment,
        created_by=request.by.name,
        creator=request.creator,
        secrets=(StoredWebhookSecret(secret=secret_of(request), created_at=moment),),
        starts=starts,
    )


def changed(record: WebhookRecord, request: ChangeWebhookRequest) -> WebhookRecord:
    """Return the webhook with the fields of a request."""
    wanted = {name: getattr(request, name) for name in ("url", "description", "filter")}
    changes: dict[str, object] = {name: value for name, value in wanted.items() if value is not None}
    if request.enabled is not None:
        changes["disabled"] = None if request.enabled else record.disabled or DisabledReason.ADMIN
    return record.model_copy(update=changes)


def rotated(record: WebhookRecord, request: RotateWebhookRequest, now: datetime) -> WebhookRecord | None:
    """Return the webhook with another secret; None if this request has made it already.

    The secret before signs, too, for a time, so that the receiver can be changed meanwhile.
    """
    secret, moment = secret_of(request), to_milliseconds(now)
    current = record.secrets[0]
    if current.secret == secret:
        return None
    ended = current.model_copy(update={"until": moment + timedelta(seconds=request.seconds)})
    made = StoredWebhookSecret(secret=secret, created_at=moment)
    return record.model_copy(update={"secrets": (made, *((ended,) if request.seconds else ()))})


def moved(record: WebhookRecord, start: WebhookStart) -> WebhookRecord:
    """Return the webhook with another place in one stream. Its generation follows the one before."""
    before = start_in(record, start.stream)
    number = 0 if before is None else before.generation + 1
    others = (one for one in record.starts if one.stream != start.stream)
    starts = (*others, start.model_copy(update={"generation": number}))
    return record.model_copy(update={"starts": tuple(sorted(starts, key=lambda one: one.stream))})


def start_in(record: WebhookRecord, stream: str) -> WebhookStart | None:
    """Return the place of a webhook in one stream."""
    return next((one for one in record.starts if one.stream == stream), None)


def valid_secrets(record: WebhookRecord, now: datetime) -> tuple[StoredWebhookSecret, ...]:
    """Return the secrets that requests are signed with now."""
    return tuple(one for one in record.secrets if one.until is None or now < one.until)


def signatures(secrets: Sequence[str], event: str, moment: int, body: bytes) -> str:
    """Return the header ``webhook-signature`` for a body: a signature with each secret.

    ``moment``: that of the header ``webhook-timestamp``, in seconds.
    """
    signed = f"{event}.{moment}.".encode() + body
    keys = (base64.b64decode(secret.removeprefix(SECRET_PREFIX)) for secret in secrets)
    made = (base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)
    return " ".join(f"v1,{one}" for one in made)


def may_read(access: RoomAccessReply) -> bool:
    """Return whether a person may read a room."""
    return access.kind in _PUBLIC or access.member


def may_get(record: WebhookRecord, room: str, access: RoomAccessReply) -> bool:
    """Return whether a webhook may get what is said in a room.

    What not everybody may read must be chosen, and by somebody who may read it.
    """
    return may_read(access) and (access.kind in _PUBLIC or room in record.filter.rooms)


def view_of(record: WebhookRecord, progress: dict[str, WebhookProgress], now: datetime) -> Webhook:
    """Return what admins see of a webhook. ``progress``: by stream."""
    current = {
        stream: one
        for stream, one in progress.items()
        if (start := start_in(record, stream)) is not None and start.generation == one.generation
    }
    failing = [(one.failing, stream) for stream, one in current.items() if one.failing is not None]
    first = min(failing, key=lambda one: one[0].since, default=None)
    state = WebhookState.ACTIVE if first is None else WebhookState.FAILING
    details: dict[str, object] = {}
    if first is not None:
        event, stream = first
        details = {"failing_since": event.since, "problem": event.problem, "attempts": event.attempts}
        details["failing_event"] = event_id(stream, event.seq)
        if record.disabled is None:
            details["next_attempt_at"] = event.next_attempt_at
    return copy_fields(
        record,
        Webhook,
        secrets=tuple(copy_fields(one, WebhookSecretView) for one in valid_secrets(record, now)),
        state=state if record.disabled is None else WebhookState.DISABLED,
        disabled_reason=record.disabled,
        delivered_at=max((one.delivered_at for one in progress.values() if one.delivered_at), default=None),
        lost=max((one.lost for one in progress.values() if one.lost), key=lambda lost: lost.at, default=None),
        **details,
    )
