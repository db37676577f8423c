"""The checks that requests and sockets of every API pass before they reach a route."""

from dataclasses import dataclass

from starlette.types import ASGIApp

from opsroom_gateway.middleware.origin_check import OriginCheckMiddleware
from opsroom_gateway.middleware.request_limits import (
    AddressConnections,
    BodyLimits,
    ConnectionsPerAddress,
    RequestBodyLimit,
)
from opsroom_gateway.settings import AccessSettings

UPLOAD_PATH = "/api/v1/chat/files"
"""The only path whose requests may have a large body: its route reads it piece by piece."""


@dataclass(frozen=True, slots=True)
class RequestChecks:
    """Checks of the origin, of the connections of an address, and of the body.

    ``streamed``: paths whose bodies a route reads itself.

    Each API applies them inside its own CORS rules, so that browsers can read its rejections. Connections
    are counted together.
    """

    origins: tuple[str, ...]
    connections: AddressConnections
    body: BodyLimits
    streamed: frozenset[str] = frozenset()

    def protect(self, app: ASGIApp) -> ASGIApp:
        """Return ``app`` behind the checks."""
        limited = ConnectionsPerAddress(RequestBodyLimit(app, self.body, self.streamed), self.connections)
        return OriginCheckMiddleware(limited, self.origins)


def build_checks(settings: AccessSettings) -> RequestChecks:
    """Build the checks from the settings."""
    return RequestChecks(
        settings.origins(),
        AddressConnections(settings.connections_per_address),
        BodyLimits(settings.body_bytes, settings.json_depth, settings.body_seconds),
        frozenset({UPLOAD_PATH}),
    )
