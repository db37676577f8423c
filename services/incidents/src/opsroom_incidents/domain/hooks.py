"""Rules of hooks and their secrets. Pure functions."""

import base64
import hashlib
from datetime import datetime, timedelta

from opsroom_contracts.chat.models import User
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.incidents.hooks import (
    HOOK_BOT_PREFIX,
    CreateHookRequest,
    Hook,
    HookRecord,
    HookSecretView,
    RotateHookRequest,
    StoredSecret,
)
from opsroom_contracts.serialization.model import copy_fields, to_milliseconds
from opsroom_contracts.text import NameRuleError, clean_name

_ID_CHARACTERS = 16


def unknown(hook_id: str) -> FaultError:
    """Return the refusal of a request about a hook that is not there."""
    return refuse(ErrorCode.HOOK_UNKNOWN, f"there is no hook {hook_id}", field="id")


def secret_of(request: CreateHookRequest | RotateHookRequest) -> str:
    """Derive a secret from the id of the request, which is impossible to guess: 43 characters."""
    digest = hashlib.sha256(f"hook/{request.request_id}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def hash_of(secret: str) -> str:
    """Return what is stored of a secret. One round of SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_hook(request: CreateHookRequest, now: datetime) -> HookRecord:
    """Return the record of a new hook; its id follows from the request.

    Raises:
        FaultError: ``name_invalid``.
    """
    try:
        name = clean_name(request.name)
    except NameRuleError as error:
        raise refuse(ErrorCode.NAME_INVALID, str(error), field="name") from None
    moment = to_milliseconds(now)
    digest = hashlib.sha256(f"hook-id/{request.request_id}".encode()).digest()
    return HookRecord(
        id=base64.b32encode(digest).decode().lower()[:_ID_CHARACTERS],
        name=name,
        room=request.room,
        created_at=moment,
        created_by=request.by.name,
        secrets=(StoredSecret(hash=hash_of(secret_of(request)), created_at=moment),),
    )


def rotated(hook: HookRecord, request: RotateHookRequest, now: datetime) -> HookRecord | None:
    """Return the hook with another secret; None if this request has made it already.

    The secret before stays valid for a time, so that senders can be changed one after another.
    """
    digest, moment = hash_of(secret_of(request)), to_milliseconds(now)
    current = hook.secrets[0]
    if current.hash == digest:
        return None
    until = moment + timedelta(seconds=request.seconds)
    ended = current.model_copy(update={"until": until})
    secrets = (StoredSecret(hash=digest, created_at=moment), *((ended,) if request.seconds else ()))
    return hook.model_copy(update={"secrets": secrets})


def accepts(hook: HookRecord, secret_hash: str, now: datetime) -> bool:
    """Return whether a secret is one of the hook's, and is still valid."""
    return not hook.removed and any(
        secret.hash == secret_hash and (secret.until is None or now < secret.until) for secret in hook.secrets
    )


def view_of(hook: HookRecord, now: datetime) -> Hook:
    """Return what admins see of a hook: its secrets are those that are valid."""
    secrets = (one for one in hook.secrets if one.until is None or now < one.until)
    return copy_fields(
        hook,
        Hook,
        secrets=tuple(HookSecretView(created_at=one.created_at, until=one.until) for one in secrets),
    )


def bot_of(hook: HookRecord) -> User:
    """Return the author of the hook's cards."""
    return User(id=f"{HOOK_BOT_PREFIX}{hook.id}", name=hook.name)
