"""The response at the course contract's mounts while the contract is disabled."""

from starlette.types import Receive, Scope, Send

from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_gateway.middleware.error_response import reject

_MESSAGE = "The course contract is disabled because it has no authentication; GATEWAY_COURSE enables it."


class LegacyDisabled:
    """Rejects everything in the contract's own error format."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reject the request or socket."""
        await reject(scope, receive, send, Fault(code=ErrorCode.COURSE_OFF, message=_MESSAGE))
