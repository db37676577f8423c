"""What stands at the mounts of the course contract where it is not served."""

from starlette.types import Receive, Scope, Send

from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_gateway.middleware.error_response import reject

_WORDS = "The course contract is off here, as it knows no identities; GATEWAY_COURSE turns it on."


class LegacyDisabled:
    """Refuses everything in the contract's own shapes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse one request or socket."""
        await reject(scope, receive, send, Fault(code=ErrorCode.COURSE_OFF, message=_WORDS))
