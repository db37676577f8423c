"""Handlers of reactions and pins."""

from opsroom_contracts.chat.models import PinRequest, PinsReply, PinsRequest, ReactRequest, SendReply
from opsroom_contracts.errors import ErrorCode, refuse


class Reactions:
    """Handlers of ``chat.react``, ``chat.pin`` and ``chat.pins``."""

    async def react(self, _request: ReactRequest) -> SendReply:
        """Refuse: not supported yet."""
        raise refuse(ErrorCode.UNSUPPORTED, "reactions are not supported yet")

    async def pin(self, _request: PinRequest) -> SendReply:
        """Refuse: not supported yet."""
        raise refuse(ErrorCode.UNSUPPORTED, "pins are not supported yet")

    async def pins(self, _request: PinsRequest) -> PinsReply:
        """Return no pins."""
        return PinsReply(pins=())
