"""Escalations: the steps of alerts that nobody acknowledges, each exactly once, in whatever process."""

import asyncio
import logging
from datetime import timedelta
from functools import partial
from typing import Final

from opsroom_contracts.errors import RETRYABLE, ErrorCode, FaultError
from opsroom_contracts.incidents.escalations import DUE_ESCALATION, EscalationRecord
from opsroom_contracts.incidents.hooks import CardRecord
from opsroom_contracts.incidents.on_call import RotaRecord
from opsroom_contracts.serialization.codec import ContractError
from opsroom_incidents.cards.keeper import Clock
from opsroom_incidents.commands.posts import Posts
from opsroom_incidents.domain.escalation import (
    Step,
    after,
    begins_to_fire,
    begun,
    called,
    ended,
    next_step,
    postponed,
    step_key,
    step_text,
    still_fires,
)
from opsroom_incidents.domain.on_call import duty_at
from opsroom_incidents.incidents.chat import ChatRooms
from opsroom_incidents.on_call.escalation_store import EscalationStore, writes_of
from opsroom_incidents.on_call.store import RotaStore
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.duties import Duty, attempt_all

_EARLY_MAX: Final = timedelta(seconds=10)
"""A due message may be this much earlier than this process's clock; the timer of a step before is ignored."""
_GRACE: Final = timedelta(seconds=15)
"""How late the sweep takes over what a timer has lost."""
_SWEEP_SECONDS: Final = 30.0

log = logging.getLogger(__name__)


class Escalations:
    """Does the steps that are due.

    A step is said first, with an id that follows from the escalation, and then the record is stored with the
    next timer, guarded by its sequence. A process that takes over says it again, which changes nothing.
    ``minute``: how long a minute of a rota is.
    """

    def __init__(
        self,
        store: EscalationStore,
        rotas: RotaStore,
        rooms: ChatRooms,
        posts: Posts,
        *,
        clock: Clock,
        minute: timedelta,
    ) -> None:
        self._store = store
        self._rotas = rotas
        self._rooms = rooms
        self._posts = posts
        self._clock = clock
        self._minute = minute

    def duties(self) -> tuple[Duty, ...]:
        """Return the periodic work: what the timers have missed."""
        return (Duty("overdue escalations", self._run_overdue, _SWEEP_SECONDS),)

    async def begin(self, card: CardRecord, digest: str) -> tuple[Write, ...]:
        """Return what to store together with the record of a card: its escalations, if it begins to fire.

        ``digest``: of the record. Alerts go further in rooms that have a rota at this moment.

        Raises:
            UnavailableError: the broker did not respond.
        """
        if not begins_to_fire(card):
            return ()
        rotas = [one for one in await self._rotas.all() if one.rota.room == card.room]
        return tuple(write for one in rotas for write in writes_of(begun(card, digest, one, self._minute)))

    async def on_due(self, message: StreamMessage) -> None:
        """Handle the due message of a timer.

        Raises:
            UnavailableError: it must be redelivered.
        """
        try:
            due = DUE_ESCALATION.read(message.data)
        except ContractError as error:
            log.warning("dropped a malformed due message on %s: %s", message.subject, error)
            return
        await self._run(due.id)

    async def _run_overdue(self) -> None:
        moment = self._clock() - _GRACE
        waiting = await self._store.waiting()
        overdue = [one.id for one in waiting if one.next_at is not None and one.next_at < moment]
        await attempt_all([partial(self._run, one) for one in overdue])

    async def _run(self, escalation_id: str) -> None:
        """Do the next step of an escalation if it is due."""
        found = await self._store.find(escalation_id)
        if found is None or found[0].next_at is None:
            return
        escalation, seq = found
        early = found[0].next_at - self._clock()
        if early > _EARLY_MAX:
            return  # the timer of a step that another process has done
        if early > timedelta():
            await asyncio.sleep(early.total_seconds())
        changed = await self._stepped(escalation)
        try:
            await self._store.put(changed, seq)
        except ConflictError:
            return  # another process has done it
        log.info("escalation %s: step %d, next %s", escalation.id, changed.steps, changed.next_at)

    async def _stepped(self, escalation: EscalationRecord) -> EscalationRecord:
        """Do the next step, unless the alert no longer needs it; return what to store."""
        rota, _ = await self._rotas.find(escalation.rota)
        card = await self._store.card(escalation.card)
        step = None if rota is None or rota.removed else next_step(escalation, rota.rota)
        if rota is None or step is None or not still_fires(escalation, card):
            return ended(escalation, self._clock())
        try:
            person = await self._call(escalation, step, rota)
        except FaultError as error:
            if error.fault.code in RETRYABLE:
                raise UnavailableError(error.fault.message) from error
            if error.fault.code is ErrorCode.MESSAGE_UNKNOWN:
                return postponed(escalation, rota.rota, self._clock(), self._minute)
            log.info("escalation %s ends: %s", escalation.id, error.fault.message)  # its room is gone
            return ended(escalation, self._clock())
        return after(escalation, step, rota.rota, person, self._clock(), self._minute)

    async def _call(self, escalation: EscalationRecord, step: Step, rota: RotaRecord) -> str | None:
        """Mention the person of a step in the thread of the alert; return their id."""
        person = called(escalation, step, duty_at(rota.rota, rota.anchor, self._clock()))
        if person is None:
            return None
        user = await self._rooms.person(person, escalation.room)
        text = step_text(escalation, step, person if user is None else user.name)
        users = () if user is None else (user.id,)
        await self._posts.mention(
            step_key(escalation, step), (escalation.room, escalation.message_id), text, users
        )
        return person
