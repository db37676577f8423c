"""What admins do about messages and people."""

from opsroom_client.errors import refusing
from opsroom_client.requests import Call, Requests
from opsroom_contracts.gateways import AddressSeen
from opsroom_contracts.http import AddressList, NewBan, NewMute, RestrictionList
from opsroom_contracts.moderation import Restriction


class Moderation:
    """Takes the token of an admin. Every method raises what :meth:`Requests.ask` does.

    ``reason``: the one who is muted or banned is told; for the rest it is kept in the audit.
    ``seconds``: None is until lifted.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def remove(self, message_id: str, *, room: str = "general", reason: str | None = None) -> None:
        """Remove a message: readers are told, and its text is erased."""
        call = Call("DELETE", f"/chat/rooms/{room}/messages/{message_id}", params=_why(reason))
        await self._requests.tell(call)

    async def mute(self, name: str, *, seconds: int | None = None, reason: str | None = None) -> Restriction:
        """Let ``name`` read and not speak."""
        with refusing():
            body = NewMute(name=name, seconds=seconds, reason=reason)
        return await self._requests.ask(Call("POST", "/chat/mutes", body=body), Restriction)

    async def ban(
        self,
        *,
        name: str | None = None,
        address: str | None = None,
        seconds: int | None = None,
        reason: str | None = None,
    ) -> Restriction:
        """Keep out a name, or an address."""
        with refusing():
            body = NewBan(name=name, address=address, seconds=seconds, reason=reason)
        return await self._requests.ask(Call("POST", "/chat/bans", body=body), Restriction)

    async def restrictions(self) -> tuple[Restriction, ...]:
        """Mutes and bans in force, the newest first."""
        return (await self._requests.ask(Call("GET", "/chat/restrictions"), RestrictionList)).restrictions

    async def addresses(self, name: str) -> tuple[AddressSeen, ...]:
        """From where those who go by ``name`` are connected, or were in the last day; the latest first."""
        call = Call("GET", "/chat/addresses", params={"name": name})
        return (await self._requests.ask(call, AddressList)).addresses

    async def lift(self, restriction_id: str, *, reason: str | None = None) -> None:
        """End a mute or ban."""
        await self._requests.tell(Call("DELETE", f"/chat/restrictions/{restriction_id}", params=_why(reason)))


def _why(reason: str | None) -> dict[str, str | int] | None:
    return None if reason is None else {"reason": reason}
