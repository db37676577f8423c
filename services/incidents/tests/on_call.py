"""An admin who makes rotas."""

from dataclasses import dataclass, field
from typing import Any

from opsroom_contracts import endpoints
from opsroom_contracts.incidents.on_call import (
    OnCallRequest,
    PutRotaReply,
    PutRotaRequest,
    Rota,
    RotaView,
)
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient

SECONDS = 30.0


@dataclass
class Rotas:
    """Requests about rotas, as the gateway sends them."""

    broker: NatsConnection
    requester: RequestClient = field(init=False)

    def __post_init__(self) -> None:
        self.requester = RequestClient(self.broker, timeout=SECONDS, first_timeout=0.5)

    async def put(self, *people: str, remove: bool = False, **more: Any) -> PutRotaReply:
        fields = {
            "name": "Ops",
            "room": "general",
            "weekday": 0,
            "time": "09:00",
            "zone": "UTC",
            "minutes": 5,
        }
        rota = Rota.model_validate({**fields, "people": people, **more})
        return await self.requester.request(endpoints.PUT_ROTA, PutRotaRequest(rota=rota, remove=remove))

    async def all(self, user_id: str | None = None, room: str | None = None) -> list[RotaView]:
        request = OnCallRequest(user_id=user_id, room=room)
        return list((await self.requester.request(endpoints.ON_CALL, request)).rotas)
