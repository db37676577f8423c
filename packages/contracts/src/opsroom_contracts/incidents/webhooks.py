"""Webhooks: addresses of other programs to which the portal posts events, after the Standard Webhooks.

A request is signed with the secret of its webhook. So the secret is stored as it is, and not as a digest.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.invitations import RequestSecret
from opsroom_contracts.chat.models import Message, User
from opsroom_contracts.cloud.instances import Labels
from opsroom_contracts.http import CloudEvent
from opsroom_contracts.incidents.cards import Card, CardStatus
from opsroom_contracts.incidents.hooks import ROTATION_SECONDS, RotationSeconds
from opsroom_contracts.incidents.incidents import IncidentChangeView, IncidentStatus
from opsroom_contracts.serialization.model import Epoch, Identifier, Model, RoomName, Sequence, Timestamp
from opsroom_contracts.serialization.versions import StoredContract
from opsroom_contracts.text import NAME_MAX

WEBHOOKS_MAX: Final = 50
"""The maximum number of webhooks of a portal."""
URL_MAX: Final = 2000
WEBHOOK_ROOMS_MAX: Final = 50
DESCRIPTION_MAX: Final = 200
PROBLEM_MAX: Final = 200
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what secrets begin with, in Standard Webhooks

WebhookId = Annotated[str, Field(pattern=r"^[a-z2-7]{16}$")]
WebhookUrl = Annotated[str, Field(min_length=1, max_length=URL_MAX, pattern=r"^https?://[!-~]+$")]
# Not strict: the web framework validates values of Python, where JSON's list is not a tuple.
WebhookRooms = Annotated[tuple[RoomName, ...], Field(max_length=WEBHOOK_ROOMS_MAX, strict=False)]
WebhookDescription = Annotated[str, Field(max_length=DESCRIPTION_MAX)]
WebhookSecret = Annotated[str, Field(pattern=r"^whsec_[A-Za-z0-9+/]{32,88}={0,2}$")]
EventId = Annotated[str, Field(pattern=r"^[A-Z]{1,16}-[0-9]{1,19}$", max_length=40)]
"""The stream of an event and its sequence there, such as ``CLOUD-17``: the header ``webhook-id``."""


class WebhookTopic(StrEnum):
    """What a webhook gets. The types of events begin with the topic's singular, such as ``alert.firing``."""

    SERVERS = "servers"
    """What the worklog of servers says."""
    ALERTS = "alerts"
    DEPLOYS = "deploys"
    INCIDENTS = "incidents"
    MESSAGES = "messages"
    """Messages of rooms, without the cards of the other topics."""


# Not strict: as above.
WebhookTopics = Annotated[
    tuple[Annotated[WebhookTopic, Field(strict=False)], ...],
    Field(min_length=1, max_length=len(WebhookTopic), strict=False),
]


class WebhookFilter(Model):
    """What a webhook gets.

    ``rooms``: the events of these rooms alone; without any, those of all rooms that everybody may read. A
    private room must be named here, and who made the webhook must be a member. ``labels``: the events of
    servers with all of these labels alone.
    """

    topics: WebhookTopics
    rooms: WebhookRooms = ()
    labels: Labels = Field(default_factory=dict)


class WebhookState(StrEnum):
    """Whether events arrive."""

    ACTIVE = "active"
    FAILING = "failing"
    """The last attempt failed; it is repeated, and later events wait."""
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """Why a webhook is disabled."""

    ADMIN = "admin"
    GONE = "gone"
    """The receiver answered with the status 410."""


class StoredWebhookSecret(Model):
    """A secret of a webhook. ``until``: the end of one that was replaced."""

    secret: WebhookSecret
    created_at: Timestamp
    until: Timestamp | None = None


class WebhookStart(Model):
    """Where a webhook begins in a stream: the first sequence, and the epoch in which it means this event.

    ``generation``: how often the place was set. Each generation has a consumer with a name that no other has.
    """

    stream: Annotated[str, Field(min_length=1, max_length=32)]
    seq: Sequence
    epoch: Epoch | None = None
    generation: Annotated[int, Field(ge=0)] = 0


class WebhookRecord(Model):
    """The record of a webhook, on ``incidents.webhooks.<id>``.

    ``creator``: the id of who made it, if it is a registered user. ``secrets``: the valid one first, then the
    one that it replaced. ``starts``: the places in all streams that have events of some topic. ``removed``:
    the webhook is no longer there.
    """

    version: Literal[1] = 1
    id: WebhookId
    url: WebhookUrl
    description: WebhookDescription = ""
    filter: WebhookFilter
    created_at: Timestamp
    created_by: Annotated[str, Field(min_length=1, max_length=64)]
    creator: Identifier | None = None
    secrets: Annotated[tuple[StoredWebhookSecret, ...], Field(max_length=2)] = ()
    disabled: DisabledReason | None = None
    starts: Annotated[tuple[WebhookStart, ...], Field(max_length=4)] = ()
    removed: bool = False


class FailingEvent(Model):
    """The event that a webhook can't deliver. ``problem``: the last answer, or why there was none."""

    seq: Sequence
    attempts: Annotated[int, Field(ge=1)]
    since: Timestamp
    problem: Annotated[str, Field(max_length=PROBLEM_MAX)]
    next_attempt_at: Timestamp


class LostEvents(Model):
    """Events that the portal dropped by age or size before they arrived: from ``first`` to ``last``.

    Not all sequences in between need be events of the webhook. ``at``: when that was noticed.
    """

    first: EventId
    last: EventId
    at: Timestamp


class WebhookProgress(Model):
    """How far a webhook is in one stream, on ``incidents.webhook-progress.<id>-<stream>``.

    ``seq``: everything up to here was delivered, or needs no delivery. It may be behind the consumer, which
    decides. ``generation``: that of the place where it began. ``at``: when the event at ``seq`` was stored.
    """

    version: Literal[1] = 1
    generation: Annotated[int, Field(ge=0)]
    epoch: Epoch | None = None
    seq: Sequence
    at: Timestamp | None = None
    delivered_at: Timestamp | None = None
    failing: FailingEvent | None = None
    lost: LostEvents | None = None


class WebhookSecretView(Model):
    """When a secret was made, and until when it is used if it was replaced."""

    created_at: Timestamp
    until: Timestamp | None = None


class Webhook(Model):
    """A webhook as admins see it.

    ``delivered_at``: when an event arrived last. ``failing_since``, ``attempts``, ``problem`` and
    ``next_attempt_at``: of the event that can't be delivered. ``lost``: the last events that were lost.
    """

    id: WebhookId
    url: WebhookUrl
    description: WebhookDescription
    filter: WebhookFilter
    created_at: Timestamp
    created_by: Annotated[str, Field(min_length=1, max_length=64)]
    secrets: tuple[WebhookSecretView, ...]
    state: WebhookState
    disabled_reason: DisabledReason | None = None
    delivered_at: Timestamp | None = None
    failing_event: EventId | None = None
    failing_since: Timestamp | None = None
    attempts: Annotated[int, Field(ge=0)] | None = None
    problem: str | None = None
    next_attempt_at: Timestamp | None = None
    lost: LostEvents | None = None


class WebhooksRequest(Model):
    """Get all webhooks."""


class WebhooksReply(Model):
    """All webhooks, in the order in which they were made."""

    webhooks: tuple[Webhook, ...]


class CreateWebhookRequest(Model):
    """Make a webhook, which gets events from now on. ``request_id`` makes a retry return the same one.

    ``creator``: the id of who makes it, if it is a registered user.
    """

    request_id: RequestSecret
    url: WebhookUrl
    description: WebhookDescription = ""
    filter: WebhookFilter
    creator: Identifier | None = None
    by: Requester = Requester()


class ChangeWebhookRequest(Model):
    """Change the given fields of a webhook. ``enabled``: whether it gets events.

    One that is enabled again gets what was stored meanwhile.
    """

    id: WebhookId
    url: WebhookUrl | None = None
    description: WebhookDescription | None = None
    filter: WebhookFilter | None = None
    enabled: bool | None = None
    by: Requester = Requester()


class RotateWebhookRequest(Model):
    """Give a webhook another secret. For ``seconds``, requests are signed with both.

    ``request_id`` makes a retry return the same secret.
    """

    request_id: RequestSecret
    id: WebhookId
    seconds: RotationSeconds = ROTATION_SECONDS
    by: Requester = Requester()


class ReplayWebhookRequest(Model):
    """Deliver again from an event on, in its stream. ``start``: None: the next attempt is at once."""

    id: WebhookId
    start: EventId | None = None
    by: Requester = Requester()


class DeleteWebhookRequest(Model):
    """Remove a webhook: it gets nothing more."""

    id: WebhookId
    by: Requester = Requester()


class WebhookReply(Model):
    """A webhook after a change."""

    webhook: Webhook


class WebhookSecretReply(Model):
    """A webhook and its new secret, which is returned only once."""

    webhook: Webhook
    secret: WebhookSecret


class CardData(Model):
    """The data of ``alert.*`` and ``deploy.*``: the card, and the message that shows it."""

    room: RoomName
    message_id: Identifier
    card: Card


class IncidentData(Model):
    """The data of ``incident.*``: the incident after its last change, and that change.

    ``incident``: the id of the incident, which is that of the first message of its thread.
    """

    room: RoomName
    incident: Identifier
    status: IncidentStatus
    lead: User | None = None
    card: CardStatus | None = None
    change: IncidentChangeView


class EscalationData(Model):
    """The data of ``alert.escalated``: an alert that nobody has acknowledged since ``since``.

    ``message_id``: of its card, which ``alert.firing`` had. ``rota``: a name. ``called``: ids of people.
    """

    room: RoomName
    message_id: Identifier
    rota: Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
    since: Timestamp
    called: Annotated[tuple[Identifier, ...], Field(max_length=8)] = ()


class MessageData(Model):
    """The data of ``message.posted`` and ``message.edited``: the message as it is now."""

    room: RoomName
    message: Message


class RemovedData(Model):
    """The data of ``message.removed``."""

    room: RoomName
    message_id: Identifier


class ServerData(Model):
    """The data of ``server.*``: the event as ``GET /api/v1/cloud/events`` has it."""

    event: CloudEvent


EventData = ServerData | CardData | IncidentData | EscalationData | MessageData | RemovedData


class OutgoingEvent(Model):
    """The body of a request to a webhook.

    ``type``: such as ``server.started`` or ``alert.firing``. ``timestamp``: when it happened. ``id``: that of
    the header ``webhook-id``. ``version``: that of this form; a new field makes no new version.
    """

    version: Literal[1] = 1
    id: EventId
    type: Annotated[str, Field(pattern=r"^[a-z]+\.[a-z_]+$", max_length=64)]
    timestamp: Timestamp
    data: EventData


WEBHOOK = StoredContract(WebhookRecord)
WEBHOOK_PROGRESS = StoredContract(WebhookProgress)
