"""The checks that requests and sockets of every API pass before they reach a route."""

from dataclasses import dataclass

from starlette.types import ASGIApp

from opsroom_contracts.incidents.hooks import HOOK_BODY_MAX
from opsroom_gateway.middleware.origin_check import OriginCheckMiddleware
from opsroom_gateway.middleware.request_limits import (
    AddressConnections,
    BodyLimits,
    ConnectionsPerAddress,
    RequestBodyLimit,
)
from opsroom_gateway.settings import AccessSettings

HOOKS_PATH = "/hooks/"
"""The beginning of the paths that other programs post to. What they send may be longer than a request."""
UPLOAD_PATHS = frozenset({"/api/v1/chat/files", "/api/v1/chat/imports/files"})
"""The only paths whose requests may have a large body: their routes read it piece by piece."""


@dataclass(frozen=True, slots=True)
class RequestChecks:
    """Checks of the origin, of the connections of an address, and of the body.

    ``streamed``: paths whose bodies a route reads itself. ``hooks``: the limits of bodies that are posted to
    hooks.

    Each API applies them inside its own CORS rules, so that browsers can read its rejections. Connections
    are counted together.
    """

    origins: tuple[str, ...]
    connections: AddressConnections
    body: BodyLimits
    streamed: frozenset[str] = frozenset()
    hooks: BodyLimits | None = None

    def protect(self, app: ASGIApp) -> ASGIApp:
        """Return ``app`` behind the checks."""
        others = {} if self.hooks is None else {HOOKS_PATH: self.hooks}
        bodies = RequestBodyLimit(app, self.body, self.streamed, others)
        limited = ConnectionsPerAddress(bodies, self.connections)
        return OriginCheckMiddleware(limited, self.origins)


def build_checks(settings: AccessSettings) -> RequestChecks:
    """Build the checks from the settings."""
    return RequestChecks(
        settings.origins(),
        AddressConnections(settings.connections_per_address),
        BodyLimits(settings.body_bytes, settings.json_depth, settings.body_seconds),
        UPLOAD_PATHS,
        BodyLimits(HOOK_BODY_MAX, settings.json_depth, settings.body_seconds),
    )
