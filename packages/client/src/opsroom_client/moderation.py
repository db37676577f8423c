"""Moderation of messages and users, for admins."""

from uuid import uuid4

from opsroom_client.errors import validating_request
from opsroom_client.requests import Call, Requests
from opsroom_contracts.chat.moderation import Restriction
from opsroom_contracts.gateways import AddressSeen
from opsroom_contracts.http import AddressList, NewBan, NewMute, RestrictionList


class Moderation:
    """Requires the token of an admin. Methods raise the same as :meth:`Requests.request`.

    ``reason``: shown to a muted or banned user; otherwise only stored in the audit log. ``seconds``: the
    duration; None: until it is lifted.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def remove(self, message_id: str, *, room: str = "general", reason: str | None = None) -> None:
        """Remove a message: clients are notified, and its text is erased."""
        call = Call("DELETE", f"/chat/rooms/{room}/messages/{message_id}", params=_reason_param(reason))
        await self._requests.send(call)

    async def mute(self, name: str, *, seconds: int | None = None, reason: str | None = None) -> Restriction:
        """Mute ``name``, who can still read."""
        with validating_request():
            body = NewMute(name=name, seconds=seconds, reason=reason)
        call = Call("POST", "/chat/mutes", body=body, key=uuid4().hex)
        return await self._requests.request(call, Restriction)

    async def ban(
        self,
        *,
        name: str | None = None,
        address: str | None = None,
        seconds: int | None = None,
        reason: str | None = None,
    ) -> Restriction:
        """Ban a name or an address."""
        with validating_request():
            body = NewBan(name=name, address=address, seconds=seconds, reason=reason)
        call = Call("POST", "/chat/bans", body=body, key=uuid4().hex)
        return await self._requests.request(call, Restriction)

    async def restrictions(self) -> tuple[Restriction, ...]:
        """The mutes and bans in force, newest first."""
        return (await self._requests.request(Call("GET", "/chat/restrictions"), RestrictionList)).restrictions

    async def addresses(self, name: str) -> tuple[AddressSeen, ...]:
        """The addresses from which ``name`` is connected or was in the last day, latest first."""
        call = Call("GET", "/chat/addresses", params={"name": name})
        return (await self._requests.request(call, AddressList)).addresses

    async def lift(self, restriction_id: str, *, reason: str | None = None) -> None:
        """End a mute or ban."""
        call = Call("DELETE", f"/chat/restrictions/{restriction_id}", params=_reason_param(reason))
        await self._requests.send(call)


def _reason_param(reason: str | None) -> dict[str, str | int] | None:
    return None if reason is None else {"reason": reason}
