"""``/ack``: acknowledge the alert in whose thread it is said."""

from typing import Final

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import Message, ThreadRequest
from opsroom_contracts.errors import RETRYABLE, ErrorCode, FaultError
from opsroom_contracts.incidents.cards import Card, CardStatus
from opsroom_contracts.incidents.hooks import HOOK_BOT_PREFIX
from opsroom_incidents.cards.keeper import CardKeeper, Place
from opsroom_incidents.commands.said import RefusalError, Said
from opsroom_incidents.domain.cards import AcknowledgmentError
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import UnavailableError

_NO_ALERT: Final = "/ack is said in the thread of an alert."


class Acknowledgements:
    """Acknowledges alerts, as a report of the person that only counts while the alert fires."""

    def __init__(self, keeper: CardKeeper, requester: RequestClient) -> None:
        self._keeper = keeper
        self._requester = requester

    async def acknowledge(self, said: Said) -> str:
        """Acknowledge an alert; doing it again changes nothing. Returns the reply.

        The note of the command is read in its message.

        Raises:
            RefusalError: this is not the thread of an alert, or the alert is not firing.
            UnavailableError: a service did not respond; calling it again goes on.
        """
        root, card = await self._alert(said)
        try:
            place = Place(said.room, root.user, card.source)
            decided = await self._keeper.acknowledge(place, card, said.message_id, said.caller.actor)
        except AcknowledgmentError as error:
            raise RefusalError(f"/ack: {error}") from error
        _, latest = await self._alert(said)  # a report may have changed it since
        await self._keeper.show_acknowledged(place, latest, said.message_id, decided)
        return f"Acknowledged by {said.caller.actor}."

    async def _alert(self, said: Said) -> tuple[Message, Card]:
        if said.thread is None:
            raise RefusalError(_NO_ALERT)
        request = ThreadRequest(room=said.room, id=said.thread, user_id=said.user_id, limit=1)
        try:
            root = (await self._requester.request(endpoints.THREAD, request)).root
        except FaultError as error:
            if error.fault.code in RETRYABLE:
                raise UnavailableError(error.fault.message) from error
            if error.fault.code is ErrorCode.MESSAGE_UNKNOWN:
                raise RefusalError(_NO_ALERT) from error
            raise
        card = root.card
        if card is None or card.key is None or not root.user.id.startswith(HOOK_BOT_PREFIX):
            raise RefusalError(_NO_ALERT)
        if card.status is CardStatus.INFO:
            raise RefusalError("/ack: there is nothing to acknowledge: this only informs.")
        return root, card
