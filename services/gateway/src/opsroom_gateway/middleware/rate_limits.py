"""All limits of rates and numbers of this process, on one screen."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from opsroom_contracts.cloud import ANONYMOUS
from opsroom_gateway.middleware.client_address import Client, client_of
from opsroom_gateway.middleware.shared_rate_limiter import RateLimit
from opsroom_gateway.settings import LimitSettings

COURSE = "course"
"""Who commands by the course contract, where nobody has a name."""
_SHARED_ACTORS = frozenset({ANONYMOUS, COURSE})


@dataclass(frozen=True, slots=True)
class Limits:
    """What people and addresses may do in how much time."""

    registrations: RateLimit
    messages: RateLimit
    commands: RateLimit
    pending_operations: int
    json_depth: int

    @property
    def shared(self) -> tuple[RateLimit, ...]:
        """Those that are counted together with the other gateways."""
        return self.registrations, self.messages, self.commands

    def count_registration(self, connection: HTTPConnection) -> None:
        """Count a registration.

        Raises:
            FaultError: ``rate_limited``; so for all methods.
        """
        client = client_of(connection)
        if not client.exempt:
            self.registrations.acquire(client.network)

    def count_message(self, client: Client, user_id: str) -> None:
        """Count a message."""
        if not client.exempt:
            self.messages.acquire(user_id)

    async def throttle_course(self, limit: RateLimit, client: Client) -> None:
        """Read a socket more slowly that speaks too fast: its dialect has no words for a refusal."""
        if not client.exempt:
            await limit.throttle(client.network)

    def count_command(self, client: Client, actor: str) -> None:
        """Count a command."""
        if not client.exempt:
            self.commands.acquire(client.network if actor in _SHARED_ACTORS else f"@{actor}")

    def pending_max(self, client: Client, actor: str) -> int | None:
        """How many operations of the actor may be pending: the cloud service counts. None: any number."""
        if client.exempt or actor in _SHARED_ACTORS:
            return None
        return self.pending_operations or None


def build_limits(settings: LimitSettings) -> Limits:
    """The limits that the settings ask for."""
    return Limits(
        registrations=RateLimit("registrations", "registrations from your address", settings.registrations()),
        messages=RateLimit("messages", "messages", settings.messages()),
        commands=RateLimit("commands", "commands", settings.commands()),
        pending_operations=settings.pending_operations,
        json_depth=settings.json_depth,
    )
