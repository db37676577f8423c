"""The handler of what is sent to hooks."""

import base64
import binascii
from dataclasses import replace

from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.incidents.hooks import AlertReply, AlertRequest
from opsroom_incidents.cards.keeper import CardKeeper, Clock, Place
from opsroom_incidents.domain import hooks as rules
from opsroom_incidents.formats.payload import FormatError, Received
from opsroom_incidents.formats.registry import parse
from opsroom_incidents.hooks.store import HookStore

_NO_HOOK = "there is no hook with this address, or its secret is no longer valid"


class AlertHandlers:
    """Parses reports, and stores their cards."""

    def __init__(self, store: HookStore, cards: CardKeeper, clock: Clock) -> None:
        self._store = store
        self._cards = cards
        self._clock = clock

    async def accept(self, request: AlertRequest) -> AlertReply:
        """Store the cards of a request; returns once all are stored. A repeated request changes nothing.

        Raises:
            FaultError: ``hook_unknown``; ``invalid_request``: the body does not have the format; as
                ``chat.card``.
            UnavailableError: the broker or the chat service did not respond.
        """
        hook = await self._store.with_secret(request.secret_hash)
        if hook is None or not rules.accepts(hook, request.secret_hash, self._clock()):
            raise refuse(ErrorCode.HOOK_UNKNOWN, _NO_HOOK)
        place = Place(hook.room, rules.bot_of(hook), request.format.value)
        try:
            drafts = parse(request.format, _received(request))
        except FormatError as error:
            raise refuse(ErrorCode.INVALID_REQUEST, str(error)[:500], field=error.field or None) from None
        unchanged = 0
        for number, draft in enumerate(drafts):
            derived = request.delivery is None and draft.delivery is not None
            delivery = request.delivery or draft.delivery or request.request_id
            own = replace(draft, key=f"{hook.id}/{draft.key}") if draft.key else draft
            reply = await self._cards.store(place, own, f"{delivery}/{number}", named=not derived)
            unchanged += reply is None or reply.duplicate
        return AlertReply(cards=len(drafts), unchanged=unchanged)


def _received(request: AlertRequest) -> Received:
    try:
        body = base64.b64decode(request.body, validate=True)
    except binascii.Error:
        raise FormatError("body", "is not Base64") from None
    return Received(body, {one.name: one.value for one in request.headers}, request.key)
