"""All limits of rates and numbers of this process, on one screen."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from opsroom_contracts.cloud import ANONYMOUS
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_gateway.cloud_feed import CloudFeed
from opsroom_gateway.edge.callers import Caller, caller_of
from opsroom_gateway.edge.rates import RateLimit
from opsroom_gateway.settings import LimitSettings

_PENDING_RETRY_SECONDS = 5.0
COURSE = "course"
"""Who commands by the course contract, where nobody has a name."""


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

    def register(self, connection: HTTPConnection) -> None:
        """Count a registration.

        Raises:
            FaultError: ``rate_limited``; so for all methods.
        """
        caller = caller_of(connection)
        if not caller.exempt:
            self.registrations.spend(caller.site)

    def say(self, caller: Caller, user_id: str) -> None:
        """Count a message."""
        if not caller.exempt:
            self.messages.spend(user_id)

    async def pace_course(self, limit: RateLimit, caller: Caller) -> None:
        """Read a socket more slowly that speaks too fast: its dialect has no words for a refusal."""
        if not caller.exempt:
            await limit.pace(caller.site)

    def command(self, caller: Caller, actor: str, feed: CloudFeed) -> None:
        """Count a command, and see that not too many of the actor's are pending."""
        if caller.exempt:
            return
        nameless = actor in {ANONYMOUS, COURSE}
        self.commands.spend(caller.site if nameless else f"@{actor}")
        if nameless or not self.pending_operations:
            return
        pending = sum(1 for one in feed.instances() if one.pending is not None and one.pending.actor == actor)
        if pending >= self.pending_operations:
            words = f"{actor} has {pending} operations pending; wait until some are done"
            raise refuse(ErrorCode.RATE_LIMITED, words, retry_after=_PENDING_RETRY_SECONDS)


def limits_of(settings: LimitSettings) -> Limits:
    """The limits that the settings ask for."""
    return Limits(
        registrations=RateLimit("registrations", "registrations from your address", settings.registrations()),
        messages=RateLimit("messages", "messages", settings.messages()),
        commands=RateLimit("commands", "commands", settings.commands()),
        pending_operations=settings.pending_operations,
        json_depth=settings.json_depth,
    )
