"""``/incident``: opens an incident, in the thread in which it is said or with a card of its title."""

from opsroom_contracts.incidents.commands import OpenIncident
from opsroom_incidents.commands.said import RefusalError, Said
from opsroom_incidents.domain.incidents import Asked, request_digest
from opsroom_incidents.incidents.chat import ChatRooms
from opsroom_incidents.incidents.keeper import IncidentKeeper


class IncidentOpener:
    """Opens incidents for those who say so. Every step may be repeated, and none has an effect twice."""

    def __init__(self, keeper: IncidentKeeper, chat: ChatRooms) -> None:
        self._keeper = keeper
        self._chat = chat

    async def open(self, command: OpenIncident, said: Said) -> str | None:
        """Open an incident. Returns what to reply; None: its card or its thread says it.

        Raises:
            RefusalError: the title is missing.
            FaultError: the room or the thread is gone.
            UnavailableError: nothing is decided; calling it again goes on.
        """
        request = request_digest(said.caller.identity, f"command/{said.message_id}")
        asked = Asked(by=said.caller.actor, request=request, at=said.at)
        if said.thread is None:
            if command.title is None:
                raise RefusalError("Say what the incident is about: /incident Checkout is slow")
            await self._keeper.begin(said.room, said.message_id, command.title, asked)
            return None
        root = await self._chat.message(said.room, said.thread, said.user_id)
        _, is_new = await self._keeper.open(said.room, root, asked)
        return None if is_new else "This thread is an incident already."
