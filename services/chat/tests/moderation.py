"""A moderator's requests over NATS."""

from typing import Any

from opsroom_contracts import endpoints
from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.moderation import (
    LiftReply,
    LiftRequest,
    RemoveReply,
    RemoveRequest,
    Restriction,
    RestrictionKind,
    RestrictionsReply,
    RestrictionsRequest,
    RestrictReply,
    RestrictRequest,
)
from services.chat.tests.harness import Chat

ADMIN = Requester(name="ada", address="198.51.100.1")


class Moderator:
    """Sends moderation requests."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self._request = chat.requester.request

    async def remove(self, message_id: str) -> RemoveReply:
        request = RemoveRequest(room="general", id=message_id, reason="rude", by=ADMIN)
        return await self._request(endpoints.REMOVE_MESSAGE, request)

    async def restrict(self, kind: RestrictionKind, **about: Any) -> RestrictReply:
        request = RestrictRequest(kind=kind, by=ADMIN, **about)
        return await self._request(endpoints.RESTRICT, request)

    async def mute(self, name: str, seconds: int | None = None) -> Restriction:
        return (await self.restrict(RestrictionKind.MUTE, name=name, seconds=seconds)).restriction

    async def ban(self, name: str, reason: str | None = None) -> Restriction:
        return (await self.restrict(RestrictionKind.BAN, name=name, reason=reason)).restriction

    async def lift(self, restriction_id: str) -> LiftReply:
        return await self._request(endpoints.LIFT, LiftRequest(id=restriction_id, by=ADMIN))

    async def in_force(self, **page: Any) -> RestrictionsReply:
        return await self._request(endpoints.RESTRICTIONS, RestrictionsRequest(**page))
