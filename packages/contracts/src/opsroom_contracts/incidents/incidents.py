"""Incidents: threads in which a team deals with what has happened.

An incident is the thread of a message: of an alert's card, of any other message, or of a card that
``/incident`` makes. Its record says what the thread can't: its status, and who leads it. The record has no
text, so that removing a message erases all of it.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from opsroom_contracts.chat.models import User
from opsroom_contracts.cloud.models import Actor
from opsroom_contracts.incidents.calls import CommandWord
from opsroom_contracts.incidents.cards import CARD_TITLE_MAX, CardStatus
from opsroom_contracts.incidents.commands import SERVERS_MAX
from opsroom_contracts.serialization.model import (
    ClientId,
    Identifier,
    Model,
    RoomName,
    Sequence,
    Timestamp,
)
from opsroom_contracts.serialization.versions import StoredContract

INCIDENTS_PAGE: Final = 50
"""The maximum number of incidents on one page."""
CHANGES_MAX: Final = 200
"""The maximum number of changes of one incident that its record keeps."""
CARD_CHANGES_MAX: Final = 100
"""The maximum number of changes of its card that its record keeps, so that there is room for people."""
COMMANDS_PAGE: Final = 100
"""The maximum number of commands that one request asks about."""
STEPS_PAGE: Final = 1000
"""The maximum number of operations that one reply names."""
ANNOUNCEMENT: Final = "incident/"
"""Begins the ``clientId`` of the messages with which the portal announces changes of incidents."""


class IncidentStatus(StrEnum):
    """Where a team is with an incident."""

    OPEN = "open"
    """Nobody has said that they deal with it."""
    ACKNOWLEDGED = "acknowledged"
    """Somebody leads it, or has acknowledged its alert."""
    CLOSED = "closed"


class IncidentChangeKind(StrEnum):
    """What has changed."""

    OPENED = "opened"
    LEAD = "lead"
    """Somebody has taken the lead."""
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    REOPENED = "reopened"
    CARD = "card"
    """The card of the alert has another status, which its source reports."""


ChangeNumber = Annotated[int, Field(ge=0, le=2**31 - 1)]


class _ChangeFields(Model):
    number: ChangeNumber
    kind: IncidentChangeKind
    by: Actor
    at: Timestamp
    card_status: CardStatus | None = None


class IncidentChange(_ChangeFields):
    """One change. ``number`` counts from 0. ``request``: a digest of the idempotency key of the request.

    ``card_status``: there if ``kind`` is ``card``.
    """

    request: Identifier


class IncidentChangeView(_ChangeFields):
    """A change as it is shown; fields as in :class:`IncidentChange`."""


class IncidentRecord(Model):
    """The record of one incident, on ``incidents.records.<id>``.

    ``id``: that of the first message of its thread, in ``room``. ``changes``: ascending, the first one is the
    opening; of a very long incident, changes of its card are left out. ``card``: the last status of its card,
    if its source has reported one since.
    """

    version: Literal[1] = 1
    id: Identifier
    room: RoomName
    status: IncidentStatus
    lead: User | None = None
    card: CardStatus | None = None
    changes: Annotated[tuple[IncidentChange, ...], Field(min_length=1, max_length=CHANGES_MAX)]


class UnsaidChange(Model):
    """A change that the thread of its incident does not say yet, on ``incidents.unsaid.<id>-<number>``.

    Stored with the record. If the process that stored it dies, another one says it. ``user_id``: who made the
    change, and so may read the room; missing if that is not known. ``is_said``: nothing is left to do, and
    the note is about to expire.
    """

    version: Literal[1] = 1
    id: Identifier
    number: ChangeNumber
    user_id: Identifier | None = None
    is_said: bool = False


class Incident(Model):
    """An incident as its readers see it.

    ``id``: that of the first message of its thread, in ``room``; ``seq``: the place of that message, and
    ``title``: what it says. Both are missing if it was removed. ``card``: the status of its card, if it has
    one. ``replies``: how many messages its thread has.
    """

    id: Identifier
    room: RoomName
    title: Annotated[str, Field(min_length=1, max_length=CARD_TITLE_MAX)] | None = None
    seq: Sequence | None = None
    status: IncidentStatus
    lead: User | None = None
    card: CardStatus | None = None
    opened_at: Timestamp
    opened_by: Actor
    changed_at: Timestamp
    replies: Annotated[int, Field(ge=0)] = 0


class IncidentsRequest(Model):
    """Get a page of incidents, the one that changed last first: all, or those with a status or in a room.

    ``user_id``: who reads it; only those of rooms that they may read are there. ``before``: the ``next`` of
    the page before. ``id``: only this one, if it is an incident: a page has it, or nothing.
    """

    user_id: Identifier | None = None
    id: Identifier | None = None
    status: IncidentStatus | None = None
    room: RoomName | None = None
    before: Sequence | None = None
    limit: Annotated[int, Field(ge=1, le=INCIDENTS_PAGE)] = 20


class IncidentsReply(Model):
    """Incidents. ``next``: the ``before`` of the next page, if there may be more, however few are here."""

    incidents: Annotated[tuple[Incident, ...], Field(max_length=INCIDENTS_PAGE)] = ()
    next: Sequence | None = None


class IncidentRequest(Model):
    """Get one incident, as a person who may read its room."""

    id: Identifier
    user_id: Identifier | None = None


class IncidentReply(Model):
    """An incident, and what has become of it, ascending."""

    incident: Incident
    changes: Annotated[tuple[IncidentChangeView, ...], Field(max_length=CHANGES_MAX)]


class IncidentAction(StrEnum):
    """What people do with an incident."""

    LEAD = "lead"
    """Take the lead; it is acknowledged thereby."""
    ACKNOWLEDGE = "acknowledge"
    CLOSE = "close"
    REOPEN = "reopen"


class ChangeIncidentRequest(Model):
    """Change an incident, as a person who may send to its room. What is so already stays, without an error.

    ``client_id``: an idempotency key of the person. A retry changes nothing, also if others have changed the
    incident in between.
    """

    id: Identifier
    action: IncidentAction
    user_id: Identifier
    client_id: ClientId


class CommandStepsRequest(Model):
    """Get what commands that were said came to. ``ids``: those of their messages."""

    ids: Annotated[tuple[Identifier, ...], Field(max_length=COMMANDS_PAGE)]


class CommandStep(Model):
    """One operation of a command: an accepted request to the cloud service."""

    message_id: Identifier
    name: CommandWord
    operation: Identifier
    instance_id: Identifier | None = None


class CommandStepsReply(Model):
    """The operations of the commands, in the order of the request, and of each in the order of its steps.

    Commands that came to none, or whose plans have expired, have none. ``next``: the first of the ``ids``
    that the reply had no room for; ask for it and those after it again.
    """

    steps: Annotated[tuple[CommandStep, ...], Field(max_length=STEPS_PAGE + SERVERS_MAX)] = ()
    next: Identifier | None = None


INCIDENT_RECORD = StoredContract(IncidentRecord)
UNSAID_CHANGE = StoredContract(UnsaidChange)
