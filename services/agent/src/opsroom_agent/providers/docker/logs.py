"""Logs of containers. A log that is followed goes on when the container is started again."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote

from opsroom_agent.providers.docker.containers import Containers
from opsroom_agent.providers.docker.engine import EngineError, EngineUnavailableError
from opsroom_agent.providers.docker.lines import LogParser
from opsroom_contracts.agents.protocol import CHUNK_LINES_MAX, LogLine, LogsRequest
from opsroom_contracts.errors import ErrorCode, refuse

_SILENCE_SECONDS = 300.0
"""A log without a line for this long is asked for again: the engine may have hung."""
_LOOK_SECONDS = 1.0


async def read_log(containers: Containers, request: LogsRequest) -> AsyncIterator[tuple[LogLine, ...]]:
    """Yield the past lines and, if the log is followed, new ones. The engine waits while they aren't taken.

    Raises:
        FaultError: the server does not exist, or the engine does not respond.
    """
    since: str | None = None
    started: str | None = None
    while True:
        try:
            container = await containers.find(request.server)
            if container is None:
                raise refuse(ErrorCode.INSTANCE_NOT_FOUND, f"server {request.server.name} does not exist")
            if container.state.started_at != started:
                started = container.state.started_at if container.state.running else None
                parser = LogParser(tty=container.config.tty)
                tail = str(request.tail) if since is None else "all"
                async for lines in _read_once(containers, container.id, parser, request.follow, tail, since):
                    yield lines
                since = parser.resume_at or since or "0.000000001"
        except EngineUnavailableError as error:
            if since is None:
                raise refuse(ErrorCode.UNAVAILABLE, str(error)) from error
            started = None
        except EngineError as error:
            raise refuse(ErrorCode.UNSUPPORTED, f"this log can't be read: {error}") from error
        if not request.follow:
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _read_once(
    containers: Containers, container_id: str, parser: LogParser, follow: bool, tail: str, since: str | None
) -> AsyncIterator[tuple[LogLine, ...]]:
    parameters: dict[str, str | int | bool] = {
        "stdout": True,
        "stderr": True,
        "timestamps": True,
        "follow": follow,
        "tail": tail,
    }
    if since is not None:
        parameters["since"] = since
    path = f"/containers/{quote(container_id)}/logs"
    async with containers.engine.stream("GET", path, parameters, silence=_SILENCE_SECONDS) as data:
        async for part in data:
            for lines in _chunks(tuple(parser.feed(part))):
                yield lines
        for lines in _chunks(tuple(parser.end())):
            yield lines


def _chunks(lines: tuple[LogLine, ...]) -> tuple[tuple[LogLine, ...], ...]:
    starts = range(0, len(lines), CHUNK_LINES_MAX)
    return tuple(lines[start : start + CHUNK_LINES_MAX] for start in starts)
