"""All rate and quantity limits of this process."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from opsroom_gateway.middleware.client_address import Client, client_of
from opsroom_gateway.middleware.shared_rate_limiter import RateLimit
from opsroom_gateway.settings import LimitSettings


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits per user and per address.

    ``shared_actors``: actors that stand for many clients. Their commands count for the client's address, and
    they have no quota of pending operations.
    """

    registrations: RateLimit
    messages: RateLimit
    commands: RateLimit
    pending_operations: int
    json_depth: int
    shared_actors: frozenset[str]

    @property
    def shared(self) -> tuple[RateLimit, ...]:
        """The rate limits that are synchronized with the other gateways."""
        return self.registrations, self.messages, self.commands

    def count_registration(self, connection: HTTPConnection) -> None:
        """Count a registration.

        Raises:
            FaultError: ``rate_limited``; the other methods raise it as well.
        """
        client = client_of(connection)
        if not client.exempt:
            self.registrations.acquire(client.network)

    def count_message(self, client: Client, user_id: str) -> None:
        """Count a message."""
        if not client.exempt:
            self.messages.acquire(user_id)

    async def throttle(self, limit: RateLimit, client: Client) -> None:
        """Delay reading from a socket that sends too fast, in a protocol without error frames."""
        if not client.exempt:
            await limit.throttle(client.network)

    def count_command(self, client: Client, actor: str) -> None:
        """Count a command."""
        if not client.exempt:
            self.commands.acquire(client.network if actor in self.shared_actors else f"@{actor}")

    def pending_max(self, client: Client, actor: str) -> int | None:
        """Return the actor's quota of pending operations, enforced by the cloud service. None: no limit."""
        if client.exempt or actor in self.shared_actors:
            return None
        return self.pending_operations or None


def build_limits(settings: LimitSettings, shared_actors: frozenset[str]) -> Limits:
    """Build the limits from the settings."""
    return Limits(
        registrations=RateLimit("registrations", "registrations from your address", settings.registrations()),
        messages=RateLimit("messages", "messages", settings.messages()),
        commands=RateLimit("commands", "commands", settings.commands()),
        pending_operations=settings.pending_operations,
        json_depth=settings.json_depth,
        shared_actors=shared_actors,
    )
