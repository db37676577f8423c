"""Handlers of rotas: people see who is on call in their rooms, and admins change it."""

import asyncio
from collections.abc import Sequence
from typing import Final

from opsroom_contracts.chat.models import User
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.incidents.on_call import (
    ROTAS_MAX,
    OnCallReply,
    OnCallRequest,
    PutRotaReply,
    PutRotaRequest,
    Rota,
    RotaRecord,
    RotaView,
)
from opsroom_contracts.incidents.webhooks import WebhookTopic
from opsroom_contracts.serialization.model import RoomName, to_milliseconds
from opsroom_contracts.text import NameRuleError, clean_name
from opsroom_incidents.cards.keeper import Clock
from opsroom_incidents.domain.on_call import ZoneError, anchor_of, duty_at, kept_anchor, rota_id, zone_of
from opsroom_incidents.incidents.chat import ChatRooms
from opsroom_incidents.on_call.store import RotaStore
from opsroom_incidents.webhooks.store import WebhookStore

_NAME_MAX: Final = 32


class OnCallHandlers:
    """Shows and changes rotas."""

    def __init__(self, store: RotaStore, webhooks: WebhookStore, rooms: ChatRooms, clock: Clock) -> None:
        self._store = store
        self._webhooks = webhooks
        self._rooms = rooms
        self._clock = clock

    async def list(self, request: OnCallRequest) -> OnCallReply:
        """Return the rotas of the rooms that a person may read, by name.

        Raises:
            UnavailableError: the broker or the chat service did not respond.
        """
        rotas = [one for one in await self._store.all() if request.room in (None, one.rota.room)]
        readable = await self._rooms.readable(request.user_id) if rotas else frozenset()
        return OnCallReply(rotas=await self._views([one for one in rotas if one.rota.room in readable]))

    async def put(self, request: PutRotaRequest) -> PutRotaReply:
        """Make, replace or remove a rota. Doing it again changes nothing.

        Raises:
            FaultError: ``name_invalid``, ``room_unknown``, ``webhook_unknown``; ``invalid_request``: the time
                zone is unknown, a person does not exist or is not in the room, or there are too many rotas.
            UnavailableError: another request was faster, or a service did not respond.
        """
        rota = _named(request.rota)
        known, seq = await self._store.find(rota_id(rota.name))
        record = self._changed(rota, request, known)
        if request.remove:
            if known is not None and not known.removed:
                await self._store.put(record, seq)
            return PutRotaReply(name=rota.name, room=rota.room)
        if known is None or known.removed or known.rota != rota:
            await self._check(rota, is_new=known is None or known.removed)
            await self._store.put(record, seq)
        else:
            record = known
        (view,) = await self._views([record])
        return PutRotaReply(name=rota.name, room=rota.room, rota=view)

    def _changed(self, rota: Rota, request: PutRotaRequest, known: RotaRecord | None) -> RotaRecord:
        now = self._clock()
        try:
            zone_of(rota.zone)
        except ZoneError as error:
            raise refuse(ErrorCode.INVALID_REQUEST, str(error), field="zone") from None
        if known is None or known.removed:
            anchor = anchor_of(rota, now)
        else:
            anchor = kept_anchor(known.rota, known.anchor, rota, now)
        return RotaRecord(
            id=rota_id(rota.name),
            rota=rota,
            anchor=anchor,
            changed_at=to_milliseconds(now),
            changed_by=request.by.name,
            removed=request.remove,
        )

    async def _check(self, rota: Rota, *, is_new: bool) -> None:
        """Check what a rota refers to."""
        if is_new and len(await self._store.all()) >= ROTAS_MAX:
            message = f"the limit of {ROTAS_MAX} rotas is reached: remove some first"
            raise refuse(ErrorCode.INVALID_REQUEST, message)
        if rota.webhook is not None:
            webhook, _ = await self._webhooks.get(rota.webhook)
            if WebhookTopic.ALERTS not in webhook.filter.topics:
                message = f"the webhook {rota.webhook} must have the topic alerts"
                raise refuse(ErrorCode.INVALID_REQUEST, message, field="webhook")
        for field, people in (("people", rota.people), ("overrides", [one.person for one in rota.overrides])):
            for person in sorted(set(people)):
                if await self._rooms.person(person, rota.room) is None:
                    message = f"there is nobody with the id {person} in the room {rota.room}"
                    raise refuse(ErrorCode.INVALID_REQUEST, message, field=field)

    async def _views(self, records: Sequence[RotaRecord]) -> tuple[RotaView, ...]:
        now = self._clock()
        duties = [(one.rota, duty_at(one.rota, one.anchor, now)) for one in records]
        wanted = {
            (person, rota.room): None
            for rota, duty in duties
            for person in (duty.person, duty.following)
            if person is not None
        }
        users = dict(zip(wanted, await asyncio.gather(*(self._user(*one) for one in wanted)), strict=True))
        return tuple(
            RotaView(
                rota=rota,
                on_duty=users[duty.person, rota.room],
                following=None if duty.following is None else users[duty.following, rota.room],
                until=duty.until,
            )
            for rota, duty in duties
        )

    async def _user(self, person: str, room: RoomName) -> User:
        return await self._rooms.person(person, room) or User(id=person, name=person[:_NAME_MAX])


def _named(rota: Rota) -> Rota:
    try:
        return rota.model_copy(update={"name": clean_name(rota.name)})
    except NameRuleError as error:
        raise refuse(ErrorCode.NAME_INVALID, str(error), field="name") from None
