"""Logs of containers. A log that is followed goes on when the container is started again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from opsroom_agent.providers.docker.containers import Containers
from opsroom_agent.providers.docker.engine import EngineError, EngineUnavailableError
from opsroom_agent.providers.docker.lines import LogParser, just_after
from opsroom_agent.providers.docker.models import Container
from opsroom_contracts.agents.protocol import CHUNK_LINES_MAX, LogLine, LogsRequest
from opsroom_contracts.errors import ErrorCode, refuse

_SILENCE_SECONDS = 300.0
"""A log without a line for this long is asked for again: the engine may have hung."""
_LOOK_SECONDS = 1.0


class LogReader:
    """Reads the log of one server for one viewer."""

    def __init__(self, containers: Containers, request: LogsRequest) -> None:
        self._containers = containers
        self._request = request
        self._started: str | None = None
        """When the container was started whose log was read last."""
        self._since: str | None = None
        """Where to go on, as the engine takes it; None until there was a line."""

    async def lines(self) -> AsyncGenerator[tuple[LogLine, ...], None]:
        """Yield past lines and, if the log is followed, new ones. The engine waits while they aren't taken.

        Raises:
            FaultError: the server does not exist, or the engine does not respond at the beginning.
        """
        read_up_to: str | None = None
        while True:
            try:
                container = await self._find()
                if container.state.started_at != read_up_to:
                    async with aclosing(self._read(container)) as reading:
                        async for lines in reading:
                            yield lines
                    read_up_to = container.state.started_at
            except EngineUnavailableError as error:
                if self._started is None or not self._request.follow:
                    raise refuse(ErrorCode.UNAVAILABLE, str(error)) from error
                read_up_to = None
            except EngineError as error:
                raise refuse(ErrorCode.UNSUPPORTED, f"this log can't be read: {error}") from error
            if not self._request.follow:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _find(self) -> Container:
        server = self._request.server
        container = await self._containers.find(server)
        if container is None:
            raise refuse(ErrorCode.INSTANCE_NOT_FOUND, f"server {server.name} does not exist")
        return container

    async def _read(self, container: Container) -> AsyncGenerator[tuple[LogLine, ...], None]:
        """Yield the lines up to the end of the log, which is when the container ends."""
        if self._since is None and self._started not in {None, container.state.started_at}:
            self._since = just_after(container.state.started_at.encode())
        self._started = container.state.started_at
        parser = LogParser(tty=container.config.tty)
        path = f"/containers/{container.id}/logs"
        engine = self._containers.engine
        async with engine.stream("GET", path, self._parameters(), silence=_SILENCE_SECONDS) as data:
            async for part in data:
                for lines in _chunks(tuple(parser.feed(part))):
                    self._since = parser.resume_at or self._since
                    yield lines
            for lines in _chunks(tuple(parser.end())):
                yield lines

    def _parameters(self) -> dict[str, str | int | bool]:
        parameters: dict[str, str | int | bool] = {
            "stdout": True,
            "stderr": True,
            "timestamps": True,
            "follow": self._request.follow,
            "tail": self._request.tail if self._since is None else "all",
        }
        return parameters if self._since is None else {**parameters, "since": self._since}


def _chunks(lines: tuple[LogLine, ...]) -> tuple[tuple[LogLine, ...], ...]:
    starts = range(0, len(lines), CHUNK_LINES_MAX)
    return tuple(lines[start : start + CHUNK_LINES_MAX] for start in starts)
