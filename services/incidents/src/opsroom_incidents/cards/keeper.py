"""Cards with a key: their records decide the order of reports, and the chat stores their messages.

The record is written first, guarded, and then the message. If a process dies in between, the sender repeats
the report, since it got no reply. The record then knows it, and the message is written as it would have been.
"""

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import SendReply, User
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.incidents.cards import Card, CardStatus
from opsroom_contracts.incidents.hooks import CARD_RECORD, CardRecord
from opsroom_contracts.incidents.posts import CardRequest
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_contracts.subjects import card_subject
from opsroom_incidents.domain.cards import CardId, Decision, Report, acknowledge, decide
from opsroom_incidents.formats.draft import ACKNOWLEDGE, Draft, card_of
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.writes import Write

RECORD_SECONDS: Final = 90 * 86_400
"""How long the record of a card is kept after its last change."""
_ATTEMPTS: Final = 20

Clock = Callable[[], datetime]
Along = Callable[[CardRecord, str], Awaitable[tuple[Write, ...]]]
"""Returns what is stored together with the record of a card, whose digest it is called with."""
OnChange = Callable[[str, CardStatus, str, datetime], Awaitable[None]]
"""Called with the id of a card's message, its status, who reports it and when, after the card is stored."""
DecisionT = TypeVar("DecisionT", Decision, Decision | None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the cards of a hook go: its room, and the bot that writes them. ``source``: of most cards."""

    room: str
    author: User
    source: str


class CardKeeper:
    """Stores reports as cards."""

    def __init__(
        self,
        reader: StreamReader,
        writer: BatchWriter,
        requester: RequestClient,
        clock: Clock,
        *,
        along: Along,
        on_change: OnChange,
    ) -> None:
        self._along = along
        self._on_change = on_change
        self._reader = reader
        self._writer = writer
        self._requester = requester
        self._clock = clock

    async def store(self, place: Place, draft: Draft, delivery: str, *, named: bool) -> SendReply | None:
        """Store a report; returns once its card is stored. None: it is older than the card.

        ``delivery``: what retries of this report have in common; ``named``: as in :class:`Report`.

        Raises:
            FaultError: as ``chat.card``.
            UnavailableError: the broker did not respond, or other processes were faster too often.
        """
        shown = card_of(draft, place.source, 0, self._clock())
        digest = _digest(place.author.id, delivery)
        if shown.key is None:
            return await self._put(place, shown, digest)
        card = CardId(place.room, shown.source, shown.key)
        report = Report(shown.status, digest, named, draft.starts_at)
        decision = await self._decide(card, lambda known: decide(card, known, report, self._clock()))
        if decision is None:
            return None
        decided = replace(draft, status=decision.status)
        made = card_of(decided, place.source, decision.generation, decision.changed_at)
        made = made.model_copy(update={"acknowledged_by": decision.acknowledged_by})
        reply = await self._put(place, made, digest)
        if decision.before is not None:
            await self._noted(reply.id, decision, place.author.name)
        return reply

    async def acknowledge(self, place: Place, card: Card, message_id: str, by: str) -> Decision:
        """Store that somebody has acknowledged an alert, by the message with this id. ``by``: their name.

        The card must be shown afterwards.

        Raises:
            AcknowledgmentError: it is not firing, or somebody else has.
            UnavailableError: as ``store``.
        """
        about, delivery = _id_of(place, card), _digest("ack", message_id)

        def decided(known: CardRecord | None) -> Decision:
            return acknowledge(about, known, card.generation, delivery, by, self._clock())

        return await self._decide(about, decided)

    async def show_acknowledged(self, place: Place, card: Card, message_id: str, decision: Decision) -> None:
        """Update the card of an alert that was acknowledged. A later report is not replaced."""
        update = {
            "status": decision.status,
            "changed_at": decision.changed_at,
            "acknowledged_by": decision.acknowledged_by,
            "actions": tuple(one for one in card.actions if one != ACKNOWLEDGE),
        }
        shown = card.model_copy(update=update)
        reply = await self._put(place, shown, _digest("ack", message_id))
        await self._noted(reply.id, decision, decision.acknowledged_by or place.author.name)

    async def _noted(self, message_id: str, decision: Decision, by: str) -> None:
        """Say that a card has another status, or has perhaps not said so before. ``by``: who reports it."""
        if decision.record is None or decision.status is not decision.before:
            await self._on_change(message_id, decision.status, by, decision.changed_at)

    async def _decide(self, card: CardId, decide_on: Callable[[CardRecord | None], DecisionT]) -> DecisionT:
        """Decide on the record of a card, and store what follows, guarded by the record."""
        digest = _digest(card.room, card.source, card.key)
        subject = card_subject(digest)
        for _ in range(_ATTEMPTS):
            stored = await self._reader.last(subject)
            decision = decide_on(None if stored is None else _record(stored.data))
            record = _record_of(decision)
            if record is None:
                return decision
            expected = 0 if stored is None else stored.seq
            write = Write(subject, encode(record), expected=expected, ttl=RECORD_SECONDS, replaces=True)
            along = await self._along(record, digest)
            try:
                await self._writer.write(write, *along)
            except ConflictError:
                continue
            return decision
        raise UnavailableError(f"{subject} is being changed by other requests")

    async def _put(self, place: Place, card: Card, idempotency_key: str) -> SendReply:
        request = CardRequest(
            room=place.room, card=card, author=place.author, idempotency_key=idempotency_key
        )
        return await self._requester.request(endpoints.CARD, request)


def _record_of(decision: Decision | None) -> CardRecord | None:
    return None if decision is None else decision.record


def _id_of(place: Place, card: Card) -> CardId:
    if card.key is None:
        raise ValueError("a card without a key has no record")
    return CardId(place.room, card.source, card.key)


def _record(data: bytes) -> CardRecord | None:
    """Return a record; None for one that is malformed, which is then replaced."""
    try:
        return CARD_RECORD.read(data)
    except NewerVersionError as error:
        raise refuse(ErrorCode.UNAVAILABLE, "a newer release has stored this card; try again") from error
    except ContractError:
        return None


def _digest(*parts: str) -> str:
    data = hashlib.sha256(json.dumps(parts).encode()).digest()
    return base64.b32encode(data).decode().lower()[:32]
