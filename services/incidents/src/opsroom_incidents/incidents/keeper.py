"""Changes of incidents: the record first, guarded, then what the thread and the card say.

A note in the same step as the record says what has to be said. If a process dies in between, another one says
it; if the request is repeated, that does.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import Message
from opsroom_contracts.errors import RETRYABLE, FaultError
from opsroom_contracts.incidents.cards import CardStatus, card_message_id
from opsroom_contracts.incidents.incidents import (
    ANNOUNCEMENT,
    IncidentAction,
    IncidentChange,
    IncidentRecord,
    UnsaidChange,
)
from opsroom_contracts.incidents.posts import OPSROOM, ReplyRequest
from opsroom_contracts.serialization.model import RoomName
from opsroom_incidents.commands.posts import Posts
from opsroom_incidents.domain import incidents as rules
from opsroom_incidents.domain.incidents import Asked
from opsroom_incidents.incidents.chat import ChatRooms
from opsroom_incidents.incidents.store import IncidentStore
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import UnavailableError

log = logging.getLogger(__name__)


class IncidentKeeper:
    """Opens and changes incidents. Methods raise UnavailableError if nothing is decided: repeat them."""

    def __init__(
        self,
        store: IncidentStore,
        posts: Posts,
        rooms: ChatRooms,
        requester: RequestClient,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._rooms = rooms
        self._posts = posts
        self._requester = requester
        self._clock = clock

    def now(self) -> datetime:
        """Return the portal's time."""
        return self._clock()

    async def open(self, room: RoomName, root: Message, asked: Asked) -> tuple[IncidentRecord, bool]:
        """Open an incident in the thread of ``root``, unless there is one.

        Returns it, and whether this request opened it, now or at an earlier attempt.
        """
        status = None if root.card is None else root.card.status

        def change(known: IncidentRecord | None) -> IncidentRecord | None:
            return rules.opened(root.id, room, asked, status) if known is None else None

        record = await self._store.change(root.id, change, to_say=True)
        if record is None:
            raise AssertionError("an incident was neither found nor stored")
        made = rules.made_by(record, asked.request)
        if made is not None:
            await self._announce(record, made)
            await self._store.said(record.id, made.number)
        return record, made is not None

    async def begin(self, room: RoomName, key: str, title: str, asked: Asked) -> None:
        """Open an incident with a card, which begins its thread. ``key``: of the card, unique."""
        card = rules.new_card(key, title, asked.at)
        await self._posts.card(room, None, card)
        message_id = card_message_id(room, card.source, key, card.generation)

        def change(known: IncidentRecord | None) -> IncidentRecord | None:
            return rules.opened(message_id, room, asked, None) if known is None else None

        await self._store.change(message_id, change, to_say=False)  # the card says it

    async def act(
        self, incident_id: str, action: IncidentAction, asked: Asked, root: Message | None
    ) -> IncidentRecord:
        """Change an incident that exists. ``root``: the first message of its thread, if it is there.

        Raises:
            FaultError: ``incident_unknown``; as the rules.
        """

        def change(known: IncidentRecord | None) -> IncidentRecord | None:
            if known is None:
                raise rules.unknown(incident_id)
            if rules.made_by(known, asked.request) is not None:
                return None
            return rules.changed(known, action, asked)

        user_id = None if asked.user is None else asked.user.id
        record = await self._store.change(incident_id, change, user_id, to_say=True)
        if record is None:
            raise rules.unknown(incident_id)
        made = rules.made_by(record, asked.request)
        if made is not None:
            await self._announce(record, made)
        await self._show(record, root)
        if made is not None:
            await self._store.said(record.id, made.number)
        return record

    async def catch_up(self, unsaid: UnsaidChange) -> None:
        """Say what a process has not said that died after it had stored a change."""
        record = await self._store.find(unsaid.id)
        made = None if record is None else rules.numbered(record, unsaid.number)
        if record is not None and made is not None:
            await self._announce(record, made)
            await self._show(record, await self._root(record, unsaid.user_id))
        await self._store.said(unsaid.id, unsaid.number)

    async def card_changed(self, message_id: str, status: CardStatus, by: str, at: datetime) -> None:
        """Note that a card has another status, if it is that of an incident."""

        def change(known: IncidentRecord | None) -> IncidentRecord | None:
            return None if known is None else rules.card_changed(known, status, by, at)

        await self._store.change(message_id, change, to_say=False)

    async def _announce(self, record: IncidentRecord, change: IncidentChange) -> None:
        """Say in the thread what has changed; once, however often it is called."""
        text = rules.announcement(change)
        if text is None:
            return
        request = ReplyRequest(
            room=record.room,
            author=OPSROOM,
            text=text,
            idempotency_key=f"{ANNOUNCEMENT}{record.id}/{change.number}",
            thread=record.id,
        )
        try:
            await self._requester.request(endpoints.REPLY, request)
        except FaultError as error:
            _forgive(error, record)

    async def _root(self, record: IncidentRecord, user_id: str | None) -> Message | None:
        """Return the first message of a thread; None: it is gone, or the person may no longer read it."""
        try:
            return await self._rooms.root(record.room, record.id, user_id)
        except FaultError as error:
            _forgive(error, record)
            return None

    async def _show(self, record: IncidentRecord, root: Message | None) -> None:
        """Update the card of the incident, if the portal made that."""
        card = None if root is None or root.card is None else rules.card_of(root.card, record)
        if card is None:
            return
        try:
            number = record.changes[-1].number
            await self._posts.card(record.room, None, card, f"{ANNOUNCEMENT}{record.id}/{number}")
        except FaultError as error:
            _forgive(error, record)


def _forgive(error: FaultError, record: IncidentRecord) -> None:
    """Go on if the room or the thread is gone: the record says it all the same.

    Raises:
        UnavailableError: nothing is decided.
    """
    if error.fault.code in RETRYABLE:
        raise UnavailableError(f"announcing a change of an incident: {error.fault.message}") from error
    log.info("a change of incident %s was not announced: %s", record.id, error.fault.message)
