"""The commands that bots offer, as the service ``incidents`` has found them."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

from opsroom_contracts import endpoints
from opsroom_contracts.errors import FaultError
from opsroom_contracts.incidents.bot_commands import BotCommand, BotCommandsRequest
from opsroom_messaging.client.request_client import RequestClient

_FRESH_SECONDS: Final = 30.0
_ABSENT_SECONDS: Final = 3.0
"""After how long a command that was not found is asked for again: the bot may have just come."""


class BotCatalog:
    """Asks for the commands of bots when they are needed, and remembers them for a while."""

    def __init__(self, requester: RequestClient, now: Callable[[], float] = monotonic) -> None:
        self._requester = requester
        self._now = now
        self._found: dict[str, BotCommand] = {}
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()

    async def all(self) -> tuple[BotCommand, ...]:
        """Return the commands, by name; none if nobody can say which there are."""
        await self._ask(_ABSENT_SECONDS)
        return tuple(self._found.values())

    async def find(self, name: str) -> BotCommand | None:
        """Return the command of a name; None: no bot offers it, as far as is known."""
        await self._ask(_FRESH_SECONDS if name in self._found else _ABSENT_SECONDS)
        return self._found.get(name)

    async def _ask(self, fresh: float) -> None:
        async with self._asking:
            if self._asked_at is not None and self._now() - self._asked_at < fresh:
                return
            try:
                reply = await self._requester.request(
                    endpoints.BOT_COMMANDS, BotCommandsRequest(), optional=True
                )
            except FaultError:
                pass  # the service is away, or of an earlier release: what was known holds
            else:
                self._found = {one.name: one for one in reply.commands}
            self._asked_at = self._now()
