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
from typing import Final

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import SendReply, User
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.incidents.cards import Card, CardStatus
from opsroom_contracts.incidents.hooks import CARD_RECORD, CardRecord
from opsroom_contracts.incidents.posts import CardRequest
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_contracts.subjects import card_subject
from opsroom_incidents.domain.cards import CardId, Report, decide
from opsroom_incidents.formats.draft import Draft, card_of
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.writes import Write

RECORD_SECONDS: Final = 90 * 86_400
"""How long the record of a card is kept after its last change."""
_ATTEMPTS: Final = 20

Clock = Callable[[], datetime]
OnChange = Callable[[str, CardStatus, str, datetime], Awaitable[None]]
"""Called with the id of a card's message, its status, who reports it and when, after the card is stored."""


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
        on_change: OnChange,
    ) -> None:
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
        subject = card_subject(_digest(card.room, card.source, card.key))
        for _ in range(_ATTEMPTS):
            stored = await self._reader.last(subject)
            known = None if stored is None else _record(stored.data)
            decision = decide(card, known, report, self._clock())
            if decision is None:
                return None
            if decision.record is not None:
                expected = 0 if stored is None else stored.seq
                write = Write(
                    subject, encode(decision.record), expected=expected, ttl=RECORD_SECONDS, replaces=True
                )
                try:
                    await self._writer.write(write)
                except ConflictError:
                    continue
            decided = replace(draft, status=decision.status)
            made = card_of(decided, place.source, decision.generation, decision.changed_at)
            reply = await self._put(place, made, digest)
            if known is not None and (decision.record is None or decision.status is not known.status):
                await self._on_change(reply.id, decision.status, place.author.name, decision.changed_at)
            return reply
        raise UnavailableError(f"{subject} is being changed by other requests")

    async def _put(self, place: Place, card: Card, idempotency_key: str) -> SendReply:
        request = CardRequest(
            room=place.room, card=card, author=place.author, idempotency_key=idempotency_key
        )
        return await self._requester.request(endpoints.CARD, request)


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
