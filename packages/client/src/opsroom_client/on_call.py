"""Who is on call, by weekly rotas."""

from opsroom_client.requests import Call, Requests
from opsroom_contracts.http_on_call import PutRota
from opsroom_contracts.incidents.on_call import OnCallReply, PutRotaReply, Rota, RotaView
from opsroom_contracts.serialization.model import RoomName


class OnCall:
    """Methods raise the same as :meth:`Requests.request`. Changes require the token of an admin."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def all(self, room: RoomName | None = None) -> tuple[RotaView, ...]:
        """The rotas of a room, or of all rooms that the caller may read, by name, with who is on duty now."""
        call = Call("GET", "/on-call", params=None if room is None else {"room": room})
        return (await self._requests.request(call, OnCallReply)).rotas

    async def put(self, rota: Rota) -> RotaView:
        """Make a rota, or replace the one with its name."""
        body = PutRota(rota=rota)
        reply = await self._requests.request(Call("PUT", "/on-call", body=body), PutRotaReply)
        if reply.rota is None:
            raise AssertionError("a rota that is not removed is returned")
        return reply.rota

    async def remove(self, rota: Rota) -> None:
        """Remove the rota with this name."""
        body = PutRota(rota=rota, remove=True)
        await self._requests.request(Call("PUT", "/on-call", body=body), PutRotaReply)
