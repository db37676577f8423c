"""Rotas: who is on call in a room, week by week, and when an alert that nobody acknowledges goes further."""

from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.models import User
from opsroom_contracts.incidents.webhooks import WebhookId
from opsroom_contracts.serialization.model import Identifier, Model, RoomName, Timestamp, TimestampBody
from opsroom_contracts.serialization.versions import StoredContract
from opsroom_contracts.text import NAME_MAX

ROTAS_MAX: Final = 50
"""The maximum number of rotas of a portal."""
ROTA_PEOPLE_MAX: Final = 50
ROTA_OVERRIDES_MAX: Final = 100
ESCALATION_MINUTES_MAX: Final = 1440
ZONE_MAX: Final = 64
WEEKDAY_MAX: Final = 6

RotaId = Annotated[str, Field(pattern=r"^[a-z2-7]{16}$")]
"""Derived from the name of the rota, so that a name has one record."""
RotaName = Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
# Not strict, here and below: the web framework validates values of Python, where JSON's list is not a tuple.
RotaPeople = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=ROTA_PEOPLE_MAX, strict=False)]
"""The ids of people, in the order of their weeks. A person may be named more than once."""
Weekday = Annotated[int, Field(ge=0, le=WEEKDAY_MAX)]
"""0: Monday, 6: Sunday."""
HandoverTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day in the time zone of the rota, such as 09:00."""
ZoneName = Annotated[str, Field(min_length=1, max_length=ZONE_MAX)]
"""A time zone of the IANA database, such as Europe/Berlin."""
EscalationMinutes = Annotated[int, Field(ge=1, le=ESCALATION_MINUTES_MAX)]


class Override(Model):
    """A person is on duty instead of the rota's, from ``start`` until just before ``end``."""

    person: Identifier
    start: Annotated[TimestampBody, Field(alias="from")]
    end: Annotated[TimestampBody, Field(alias="to")]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start >= self.end:
            raise ValueError("from must be before to")
        return self


Overrides = Annotated[tuple[Override, ...], Field(max_length=ROTA_OVERRIDES_MAX, strict=False)]
"""Of two that overlap, the later one in this list counts."""


class Rota(Model):
    """A weekly rota of a room.

    ``minutes``: how long an alert may fire without being acknowledged before it goes one step further.
    ``webhook``: the webhook that gets an event at the last step.
    """

    name: RotaName
    room: RoomName
    people: RotaPeople
    weekday: Weekday
    time: HandoverTime
    zone: ZoneName
    overrides: Overrides = ()
    minutes: EscalationMinutes
    webhook: WebhookId | None = None


class RotaRecord(Model):
    """The record of a rota, on ``incidents.rotas.<id>``.

    ``anchor``: the day of a handover, from which weeks are counted; that week is the first person's.
    ``removed``: the rota is no longer there.
    """

    version: Literal[1] = 1
    id: RotaId
    rota: Rota
    anchor: date
    changed_at: Timestamp
    changed_by: Annotated[str, Field(min_length=1, max_length=64)]
    removed: bool = False


class RotaView(Model):
    """A rota, who is on duty now, who comes next, and until when nothing changes.

    People who are no longer in the room have their id as their name.
    """

    rota: Rota
    on_duty: User
    following: User | None = None
    until: Timestamp


class OnCallRequest(Model):
    """Get the rotas of the rooms that a user may read. ``room``: of this room alone."""

    user_id: Identifier | None = None
    room: RoomName | None = None


class OnCallReply(Model):
    """The rotas, by name."""

    rotas: tuple[RotaView, ...]


class PutRotaRequest(Model):
    """Make a rota, or replace the one with this name. Doing it again changes nothing.

    ``remove``: take it away instead.
    """

    rota: Rota
    remove: bool = False
    by: Requester = Requester()


class PutRotaReply(Model):
    """The rota as it is stored, with its ``name`` and ``room``; without ``rota``, it is removed."""

    name: RotaName
    room: RoomName
    rota: RotaView | None = None


ROTA = StoredContract(RotaRecord)
