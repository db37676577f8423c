"""Hooks: addresses to which other programs send reports, which become cards of one room.

Who knows the secret of a hook may write cards to its room, and do nothing else. Secrets are stored as
digests.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.invitations import RequestSecret
from opsroom_contracts.incidents.cards import (
    ACTIONS_MAX,
    CARD_KEY_MAX,
    CARD_SOURCE_MAX,
    CARD_TEXT_MAX,
    CARD_TITLE_MAX,
    FIELD_NAME_MAX,
    FIELD_VALUE_MAX,
    FIELDS_MAX,
    LABEL_MAX,
    LINK_MAX,
    CardStatus,
    PersonName,
)
from opsroom_contracts.serialization.model import Identifier, Model, RoomName, Timestamp
from opsroom_contracts.serialization.versions import StoredContract
from opsroom_contracts.text import NAME_MAX

HOOKS_MAX: Final = 200
"""The maximum number of hooks of a portal."""
HOOK_BODY_MAX: Final = 256 * 1024
"""The maximum size of what is sent to a hook, in bytes."""
HOOK_ENCODED_MAX: Final = 4 * (HOOK_BODY_MAX // 3 + 1)
ALERT_REQUEST_MAX: Final = HOOK_ENCODED_MAX + 32 * 1024
"""The maximum size of a request with a body, in bytes."""
ROTATION_SECONDS: Final = 86_400
"""How long a secret stays valid after it was replaced, if the request doesn't say."""
ROTATION_SECONDS_MAX: Final = 30 * 86_400
REMEMBERED_MAX: Final = 16
"""How many reports of one card are remembered, so that a retry changes nothing."""
HOOK_BOT_PREFIX: Final = "bot-hook-"

HookId = Annotated[str, Field(pattern=r"^[a-z2-7]{16}$")]
HookName = Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
SecretHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of a secret, in hexadecimal digits."""
RotationSeconds = Annotated[int, Field(ge=0, le=ROTATION_SECONDS_MAX)]


class HookFormat(StrEnum):
    """Who sends to a hook: the last part of the address. Without one, it is Slack's format."""

    SLACK = "slack"
    ALERTMANAGER = "alertmanager"
    GRAFANA = "grafana"
    GITHUB = "github"
    GITLAB = "gitlab"
    UPTIME_KUMA = "uptime-kuma"
    JSON = "json"


class StoredSecret(Model):
    """The digest of a secret of a hook. ``until``: the end of one that was replaced."""

    hash: SecretHash
    created_at: Timestamp
    until: Timestamp | None = None


class HookRecord(Model):
    """The record of a hook, on ``incidents.hooks.<id>``.

    ``secrets``: the valid one first, then the one that it replaced. ``removed``: the hook is no longer there,
    since the request ``removal``.
    """

    version: Literal[1] = 1
    id: HookId
    name: HookName
    room: RoomName
    created_at: Timestamp
    created_by: Annotated[str, Field(min_length=1, max_length=64)]
    secrets: Annotated[tuple[StoredSecret, ...], Field(max_length=2)] = ()
    removed: bool = False
    removal: Identifier | None = None


class HookSecretRecord(Model):
    """The hook with a secret, on ``incidents.hook-secrets.<digest of the secret>``."""

    version: Literal[1] = 1
    hook: HookId


class RememberedReport(Model):
    """A report that changed a card: a digest of what its retries have in common, and what it made."""

    digest: Identifier
    generation: int
    changed_at: Timestamp


class CardRecord(Model):
    """The last state of a card with a key, on ``incidents.cards.<digest of room, source and key>``.

    It has no text of the card: that is in the message alone, so that removing the message erases it.

    ``starts_at``: when what it is about began, as its source says. ``changed_at``: ascends with each report.
    ``acknowledged_by``: the name of who has acknowledged this generation. ``firing_since``: while it fires,
    when the report came that it does.
    """

    version: Literal[1] = 1
    room: RoomName
    generation: int
    message_id: Identifier
    status: CardStatus
    changed_at: Timestamp
    starts_at: Timestamp | None = None
    reports: Annotated[tuple[RememberedReport, ...], Field(max_length=REMEMBERED_MAX)] = ()
    acknowledged_by: PersonName | None = None
    firing_since: Timestamp | None = None


class HookSecretView(Model):
    """When a secret was made, and until when it is valid if it was replaced."""

    created_at: Timestamp
    until: Timestamp | None = None


class Hook(Model):
    """A hook as admins see it. Its bot has the id ``bot-hook-<id>`` and the name of the hook."""

    id: HookId
    name: HookName
    room: RoomName
    created_at: Timestamp
    created_by: Annotated[str, Field(min_length=1, max_length=64)]
    secrets: tuple[HookSecretView, ...]


class HooksRequest(Model):
    """Get all hooks."""


class HooksReply(Model):
    """All hooks, by name."""

    hooks: tuple[Hook, ...]


class CreateHookRequest(Model):
    """Make a hook for a room. ``request_id`` makes a retry return the same hook and secret."""

    request_id: RequestSecret
    name: HookName
    room: RoomName
    by: Requester = Requester()


class RotateHookRequest(Model):
    """Give a hook another secret. The one before stays valid for ``seconds``; one before that does not.

    ``request_id`` makes a retry return the same secret.
    """

    request_id: RequestSecret
    id: HookId
    seconds: RotationSeconds = ROTATION_SECONDS
    by: Requester = Requester()


class HookSecretReply(Model):
    """A hook and its new secret, which is returned only once."""

    hook: Hook
    secret: str


class DeleteHookRequest(Model):
    """Remove a hook. Its secrets are void at once; its cards stay.

    ``request_id`` makes a retry succeed, too.
    """

    request_id: Identifier | None = None
    id: HookId
    by: Requester = Requester()


class DeleteHookReply(Model):
    """The hook is gone."""

    hook: Hook


class SentHeader(Model):
    """A header of a request to a hook. ``name`` in lower case."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    value: Annotated[str, Field(max_length=512)]


class AlertRequest(Model):
    """What was sent to a hook. ``body`` in Base64.

    ``headers``: those that the formats need. ``key``: that of the query.
    ``delivery``: what retries of the same delivery have in common, if the sender says so. ``request_id``:
    that of this request, which the gateway repeats if the service does not respond.
    """

    secret_hash: SecretHash
    format: HookFormat
    body: Annotated[str, Field(max_length=HOOK_ENCODED_MAX)]
    headers: Annotated[tuple[SentHeader, ...], Field(max_length=16)] = ()
    key: Annotated[str, Field(max_length=4 * CARD_KEY_MAX)] | None = None
    delivery: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    request_id: Identifier


class AlertReply(Model):
    """How many cards were stored or updated. ``unchanged``: of those, how many say the same already."""

    cards: int
    unchanged: int = 0


class _Lax(Model):
    model_config = ConfigDict(strict=False)


class ReportField(_Lax):
    """A name and a value of a report."""

    name: Annotated[str, Field(min_length=1, max_length=FIELD_NAME_MAX)]
    value: Annotated[str, Field(max_length=FIELD_VALUE_MAX)]


class ReportLink(_Lax):
    """A button of a report that opens a page."""

    label: Annotated[str, Field(min_length=1, max_length=LABEL_MAX)]
    url: Annotated[str, Field(max_length=LINK_MAX)]


class JsonReport(_Lax):
    """What is sent to ``/hooks/<secret>/json``, for programs whose requests one can write.

    ``key``: what it is about; reports with the same key update one card. It can be in the query instead.
    ``status``: one of those of cards; also, ``up`` and ``ok`` mean resolved, ``down`` and ``error`` firing.
    ``severity``: info, warning or critical.
    """

    title: Annotated[str, Field(min_length=1, max_length=CARD_TITLE_MAX)]
    key: Annotated[str, Field(min_length=1, max_length=CARD_KEY_MAX)] | None = None
    status: Annotated[str, Field(min_length=1, max_length=32)] = CardStatus.INFO.value
    kind: Literal["alert", "deploy"] = "alert"
    text: Annotated[str, Field(max_length=CARD_TEXT_MAX)] = ""
    severity: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    source: Annotated[str, Field(min_length=1, max_length=CARD_SOURCE_MAX)] | None = None
    link: Annotated[str, Field(max_length=LINK_MAX)] = ""
    fields: Annotated[tuple[ReportField, ...], Field(max_length=FIELDS_MAX)] = ()
    links: Annotated[tuple[ReportLink, ...], Field(max_length=ACTIONS_MAX)] = ()


HOOK = StoredContract(HookRecord)
HOOK_SECRET = StoredContract(HookSecretRecord)
CARD_RECORD = StoredContract(CardRecord)
