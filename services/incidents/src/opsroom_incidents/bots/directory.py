"""Finds the commands of bots: by a question to all services of the broker, and one to each bot."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from opsroom_contracts.incidents.bot_commands import BOTS_MAX, BotCommandsReply, BotCommandsRequest
from opsroom_incidents.domain.bots import Catalog, catalog, names_in
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.raw_request import AbsentError, NoReplyError, request_raw
from opsroom_messaging.client.scatter_gather import request_many

log = logging.getLogger(__name__)

_REPLIES_MAX: Final = 4 * BOTS_MAX
"""Replies to the question to all: from each process of each service, the portal's own included."""
_SECONDS: Final = 2.0
_FRESH_SECONDS: Final = 5.0
"""For how long what was found is not looked for again: the bound of what gateways can cause by asking."""


class BotDirectory:
    """The commands that bots offer now.

    The question to all only says which names there are, because anybody may reply to it with any name. What a
    bot offers is asked on a subject to which only the bot of this name may subscribe.
    """

    def __init__(self, broker: NatsConnection, now: Callable[[], float] = monotonic) -> None:
        self._broker = broker
        self._now = now
        self._found = Catalog()
        self._found_at: float | None = None
        self._looking = asyncio.Lock()

    async def commands(self, request: BotCommandsRequest) -> BotCommandsReply:  # noqa: ARG002 - it has no fields
        """Return the commands of all bots that are there.

        Raises:
            UnavailableError: the broker can't be asked.
        """
        async with self._looking:
            if self._found_at is None or self._now() - self._found_at >= _FRESH_SECONDS:
                await self._look()
        return BotCommandsReply(commands=self._found.commands)

    async def _look(self) -> None:
        replies = await request_many(self._broker, "$SRV.INFO", b"", max_replies=_REPLIES_MAX)
        described = await asyncio.gather(*(self._describe(name) for name in names_in(replies)))
        found = catalog(one for one in described if one is not None)
        for problem in found.problems:
            if problem not in self._found.problems:
                log.warning("%s", problem)
        self._found, self._found_at = found, self._now()

    async def _describe(self, name: str) -> tuple[str, bytes] | None:
        try:
            reply = await request_raw(self._broker, f"$SRV.INFO.{name}", b"", _SECONDS)
        except (AbsentError, NoReplyError):
            return None  # it has just left, or it has a name that it may not have
        return name, reply.data
