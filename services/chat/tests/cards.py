"""Requests that store cards, as the incidents service sends them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import SendReply, User
from opsroom_contracts.incidents.cards import Card, CardKind, CardStatus
from opsroom_contracts.incidents.posts import CardRequest
from services.chat.tests.harness import Chat

BOT = User(id="bot-hook-1", name="alerts")
_START = datetime(2026, 11, 30, 12, tzinfo=UTC)


def card(at: int = 0, key: str | None = "disk", **more: Any) -> Card:
    """Return an alert that was changed ``at`` seconds after the test's start."""
    values: dict[str, Any] = {"status": CardStatus.FIRING, "title": f"Disk at {at} %", **more}
    moment = _START + timedelta(seconds=at)
    return Card(kind=CardKind.ALERT, source="test", key=key, changed_at=moment, **values)


@dataclass(frozen=True)
class Poster:
    """A hook's bot."""

    chat: Chat
    room: str = "general"
    author: User = BOT

    async def put(self, new: Card, idempotency_key: str | None = None, **more: Any) -> SendReply:
        request = CardRequest(
            room=self.room,
            card=new,
            author=self.author,
            idempotency_key=idempotency_key or f"{new.key} {new.generation} {new.changed_at}",
            **more,
        )
        return await self.chat.requester.request(endpoints.CARD, request)
