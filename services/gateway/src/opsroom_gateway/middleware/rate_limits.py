"""All rate and quantity limits of this process."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from opsroom_contracts.identity import Identity, is_bot_identity
from opsroom_gateway.middleware.client_address import Client, client_of
from opsroom_gateway.middleware.shared_rate_limiter import RateLimit
from opsroom_gateway.settings import LimitSettings


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits per identity and per address. All names of one identity count together."""

    registrations: RateLimit
    joins: RateLimit
    messages: RateLimit
    uploads: RateLimit
    commands: RateLimit
    bot_messages: RateLimit
    bot_commands: RateLimit
    searches: RateLimit
    hooks: RateLimit
    hook_senders: RateLimit
    pending_operations: int
    json_depth: int

    @property
    def shared(self) -> tuple[RateLimit, ...]:
        """The rate limits that are synchronized with the other gateways."""
        of_bots = (self.bot_messages, self.bot_commands)
        of_people = (self.messages, self.uploads, self.commands, self.searches)
        of_hooks = (self.hooks, self.hook_senders)
        return self.registrations, self.joins, *of_people, *of_bots, *of_hooks

    def count_registration(self, connection: HTTPConnection) -> None:
        """Count a registration.

        Raises:
            FaultError: ``rate_limited``; the other methods raise it as well.
        """
        client = client_of(connection)
        if not client.exempt:
            self.registrations.acquire(client.network)

    def count_join(self, client: Client) -> None:
        """Count a socket that joins the chat: every join sends a frame to everybody."""
        if not client.exempt:
            self.joins.acquire(client.network)

    def count_message(self, client: Client, identity: Identity) -> None:
        """Count a message."""
        if not client.exempt:
            (self.bot_messages if is_bot_identity(identity) else self.messages).acquire(identity)

    def count_upload(self, client: Client, identity: Identity, mebibytes: int) -> None:
        """Count an upload by its size."""
        if not client.exempt:
            self.uploads.acquire(identity, max(1, mebibytes))

    def count_command(self, client: Client, identity: Identity) -> None:
        """Count a command."""
        if not client.exempt:
            (self.bot_commands if is_bot_identity(identity) else self.commands).acquire(identity)

    def count_search(self, client: Client, identity: Identity) -> None:
        """Count a search."""
        if not client.exempt:
            self.searches.acquire(identity)

    def count_hook(self, client: Client, secret_hash: str) -> None:
        """Count a request to a hook, of its sender and of the hook, if there is one with this secret."""
        if not client.exempt:
            self.hook_senders.acquire(client.network)
            self.hooks.acquire(secret_hash)

    def pending_max(self, client: Client) -> int | None:
        """Return an identity's quota of pending operations, enforced by the cloud service. None: no limit."""
        return None if client.exempt else self.pending_operations or None


def build_limits(settings: LimitSettings) -> Limits:
    """Build the limits from the settings."""
    return Limits(
        registrations=RateLimit("registrations", "registrations from your address", settings.registrations()),
        joins=RateLimit("joins", "sockets from your address", settings.joins()),
        messages=RateLimit("messages", "messages", settings.messages()),
        uploads=RateLimit("uploads", "MiB of uploads", settings.uploads()),
        commands=RateLimit("commands", "commands", settings.commands()),
        bot_messages=RateLimit("bot-messages", "messages of this bot", settings.bot_messages()),
        bot_commands=RateLimit("bot-commands", "commands of this bot", settings.bot_commands()),
        searches=RateLimit("searches", "searches", settings.searches()),
        hooks=RateLimit("hooks", "requests to this hook", settings.hooks()),
        hook_senders=RateLimit(
            "hook-senders", "requests to hooks from your address", settings.hook_senders()
        ),
        pending_operations=settings.pending_operations,
        json_depth=settings.json_depth,
    )
