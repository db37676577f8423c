"""Escalations: how far an alert has gone that nobody acknowledges."""

from typing import Annotated, Final, Literal

from pydantic import Field

from opsroom_contracts.incidents.on_call import RotaId, RotaName
from opsroom_contracts.incidents.webhooks import WebhookId
from opsroom_contracts.serialization.model import Identifier, Model, RoomName, Timestamp
from opsroom_contracts.serialization.versions import StoredContract

STEPS_MAX: Final = 3
"""Who is on duty, the next person, and the webhook."""

EscalationId = Annotated[str, Field(pattern=r"^[a-z2-7]{32}$")]


class EscalationRecord(Model):
    """The escalation of one alert by one rota, on ``incidents.escalations.<id>``, without texts of the alert.

    ``card``: the digest in the subject of the card's record. ``message_id`` and ``generation``: of the alert
    that goes further; the card may have begun again since. ``since``: when it began to fire. ``steps``: how
    many are done. ``mentioned``: who was called, in this order. ``next_at``: when the next step is due; None:
    there is none. ``webhook``: gets an event about this record.
    """

    version: Literal[1] = 1
    id: EscalationId
    room: RoomName
    card: Identifier
    message_id: Identifier
    generation: int
    rota: RotaId
    name: RotaName
    since: Timestamp
    changed_at: Timestamp
    steps: Annotated[int, Field(ge=0, le=STEPS_MAX)] = 0
    mentioned: Annotated[tuple[Identifier, ...], Field(max_length=STEPS_MAX)] = ()
    next_at: Timestamp | None = None
    webhook: WebhookId | None = None


class DueEscalation(Model):
    """The message that a timer of the broker publishes on ``incidents.due.<id>``."""

    version: Literal[1] = 1
    id: EscalationId


ESCALATION = StoredContract(EscalationRecord)
DUE_ESCALATION = StoredContract(DueEscalation)
