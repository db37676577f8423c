"""Changes of containers, as the engine reports them: a notice within a moment, and none is lost silently."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from pydantic import ValidationError

from opsroom_agent.providers.docker.containers import Containers
from opsroom_agent.providers.docker.engine import (
    EngineError,
    EngineSilentError,
    EngineUnavailableError,
    filters,
)
from opsroom_agent.providers.docker.lines import split_lines
from opsroom_agent.providers.docker.models import EngineEvent
from opsroom_agent.providers.docker.views import INSTANCE_LABEL, PORTAL_LABEL
from opsroom_contracts.agents.protocol import OBSERVE_MAX, ChangeNotice, ServerRef
from opsroom_contracts.cloud.instances import default_name
from opsroom_runtime.failure_log import FailureLog
from opsroom_runtime.process import cancel_and_wait

_ACTIONS = ("start", "die", "oom", "pause", "unpause", "destroy")
SILENCE_SECONDS = 60.0
"""After this long without an event, the connection is made again from the last one: it may be dead."""
_GATHER_SECONDS = 0.05
"""How long events are gathered into one notice."""
_WAITING_MAX = 5000
_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

log = logging.getLogger(__name__)


class Changes:
    """Follows the events of one engine. ``silence``: seconds without one after which it connects again."""

    def __init__(self, containers: Containers, *, silence: float = SILENCE_SECONDS) -> None:
        self._containers = containers
        self._silence = silence
        self._waiting: dict[str, ServerRef] = {}
        self._missed = False
        self._connected = False
        self._wake = asyncio.Event()
        self._since = ""
        self._failures = FailureLog(log, "following the events of the Docker Engine")

    async def notices(self) -> AsyncGenerator[ChangeNotice, None]:
        """Yield notices; an empty one at the beginning and after each gap in the events. Never ends."""
        reading = asyncio.create_task(self._read(), name="docker events")
        try:
            while True:
                await self._wake.wait()
                await asyncio.sleep(_GATHER_SECONDS)
                self._wake.clear()
                if self._missed:
                    self._missed = False
                    yield ChangeNotice()
                while self._waiting:
                    yield await self._next_notice()
        finally:
            await cancel_and_wait([reading])

    async def _next_notice(self) -> ChangeNotice:
        servers = tuple(self._waiting.values())[:OBSERVE_MAX]
        for server in servers:
            del self._waiting[server.id]
        seen = await self._containers.observe(servers)
        return ChangeNotice(found=seen.found, gone=seen.gone)

    async def _read(self) -> None:
        while True:
            try:
                await self._follow()
            except EngineSilentError:
                # The next connection begins after the last event, so that none is missed.
                self._connected = self._since != ""
            except (EngineError, EngineUnavailableError) as error:
                self._connected = False
                self._failures.failed(str(error))
                failures = min(self._failures.failures, len(_RETRY_SECONDS))
                await asyncio.sleep(_RETRY_SECONDS[failures - 1])

    async def _follow(self) -> None:
        """Follow the events; never returns. After a gap, the portal is asked to list.

        Raises:
            EngineSilentError: there was no event for a while.
            EngineUnavailableError, EngineError: no connection, or it broke off.
        """
        parameters: dict[str, str | int | bool] = {
            "filters": filters(type=["container"], event=list(_ACTIONS))
        }
        if self._since:
            parameters["since"] = self._since
        engine = self._containers.engine
        async with engine.stream("GET", "/events", parameters, silence=self._silence) as data:
            if not self._connected:
                self._connected = True
                self._failures.succeeded()
                self._miss()
            async with aclosing(split_lines(data)) as lines:
                async for line in lines:
                    with suppress(ValidationError):
                        self._note(EngineEvent.model_validate_json(line))
        raise EngineUnavailableError("the Docker Engine has ended the events")

    def _note(self, event: EngineEvent) -> None:
        if event.time_nano:
            after = event.time_nano + 1
            self._since = f"{after // 10**9}.{after % 10**9:09d}"
        server = self._server_of(event)
        if server is None:
            return
        if len(self._waiting) >= _WAITING_MAX and server.id not in self._waiting:
            self._miss()
            return
        self._waiting[server.id] = server
        self._wake.set()

    def _server_of(self, event: EngineEvent) -> ServerRef | None:
        attributes = event.actor.attributes or {}
        portal, instance_id = attributes.get(PORTAL_LABEL), attributes.get(INSTANCE_LABEL, "")
        try:
            if portal == self._containers.portal:
                return ServerRef(id=instance_id, name=default_name(instance_id))
            if adopted := self._containers.adopted.get(event.actor.id):
                return ServerRef(id=adopted, name=default_name(adopted), resource=event.actor.id)
        except ValidationError:
            log.warning("a container has labels of this portal that are invalid: %s", event.actor.id)
        return None

    def _miss(self) -> None:
        self._missed = True
        self._wake.set()
