"""The Engine API over its Unix socket: requests with a timeout each, and errors that say what is known."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from opsroom_agent.operations import OutcomeUnknownError
from opsroom_agent.providers.docker.models import (
    Container,
    ContainerStats,
    ContainerSummary,
    EngineMessage,
    ReplyT,
)

_CONNECT_SECONDS = 2.0
_REQUEST_SECONDS = 10.0
_CONNECTIONS = 32
_STREAM_CONNECTIONS = 1000
"""Of streams, such as logs and pulls, so that they leave connections for requests."""
_TEMPORARY = re.compile(
    r"context canceled|shutting down|transport is closing|connection (refused|reset)|code = Unavailable"
    r"|closed network connection|broken pipe|deadline exceeded",
    re.IGNORECASE,
)
"""In the messages of an engine that is stopping or has lost its own helper."""
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})

Parameters = Mapping[str, str | int | bool]
ValueT = TypeVar("ValueT")


class EngineUnavailableError(OutcomeUnknownError):
    """The engine did not reply, or is stopping. It may or may not have done what was asked."""


class EngineSilentError(EngineUnavailableError):
    """A stream has sent nothing for as long as it may be silent."""


class EngineError(Exception):
    """The engine has refused a request. ``status``: of HTTP."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def about_container(self) -> bool:
        """Whether the container does not exist. Images and networks may be missing, too."""
        return self.status == 404 and "no such container" in self.message.lower()

    @property
    def about_image(self) -> bool:
        """Whether the image does not exist."""
        return self.status == 404 and "no such image" in self.message.lower()


class Engine:
    """A client of one engine. ``check``: raises if this process may not change anything at this moment.

    The paths have no version: the engine then uses its newest, and everything used here is in all of them
    since 1.41 (Docker 20.10).
    """

    def __init__(
        self, requests: httpx.AsyncClient, streams: httpx.AsyncClient, check: Callable[[], None]
    ) -> None:
        self._requests = requests
        self._streams = streams
        self._check = check

    async def read(
        self,
        path: str,
        reply: type[ReplyT],
        parameters: Parameters | None = None,
        *,
        timeout: float | None = None,
    ) -> ReplyT:
        """Get something that changes nothing.

        Raises:
            EngineUnavailableError, EngineError: no reply, or a refusal.
        """
        response = await self._send("GET", path, parameters, None, timeout)
        return _parse(TypeAdapter(reply), response.content)

    async def change(
        self,
        method: str,
        path: str,
        parameters: Parameters | None = None,
        body: object = None,
        *,
        timeout: float = _REQUEST_SECONDS,
    ) -> bytes:
        """Change something. Returns the body of the reply; 304 (nothing was to do) is no error.

        Raises:
            EngineUnavailableError, EngineError: no reply, or a refusal.
            FaultError: this process may not act.
        """
        self._check()
        return (await self._send(method, path, parameters, body, timeout)).content

    async def container(self, reference: str) -> Container | None:
        """Return the container with this id or name, or None."""
        try:
            return await self.read(f"/containers/{quote(reference, safe='')}/json", Container)
        except EngineError as error:
            if error.status == 404:
                return None
            raise

    async def containers(self, label: str | None = None) -> list[ContainerSummary]:
        """Return all containers, or those with ``label`` (``key=value``), stopped ones too."""
        parameters: dict[str, str | int | bool] = {"all": True}
        if label is not None:
            parameters["filters"] = filters(label=[label])
        response = await self._send("GET", "/containers/json", parameters, None, None)
        return _parse(TypeAdapter(list[ContainerSummary]), response.content)

    async def usage(self, container_id: str) -> ContainerStats:
        """Return one sample of the use of resources."""
        path = f"/containers/{container_id}/stats"
        return await self.read(path, ContainerStats, {"stream": False, "one-shot": True})

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        parameters: Parameters,
        *,
        silence: float,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a reply that is read bit by bit. ``silence``: seconds without data after which it fails.

        Raises:
            EngineSilentError: no data for that long.
            EngineUnavailableError, EngineError: no reply, a refusal, or the reply broke off.
        """
        timeout = httpx.Timeout(_REQUEST_SECONDS, connect=_CONNECT_SECONDS, read=silence)
        try:
            async with self._streams.stream(
                method, path, params=_texts(parameters), headers=headers, timeout=timeout
            ) as response:
                if response.status_code >= 400:
                    await response.aread()
                    raise _refusal(response)
                yield response.aiter_raw()
        except httpx.ReadTimeout as error:
            raise EngineSilentError(f"the Docker Engine was silent for {silence:g} s") from error
        except httpx.TransportError as error:
            raise _unavailable(error) from error

    async def _send(
        self, method: str, path: str, parameters: Parameters | None, body: object, timeout: float | None
    ) -> httpx.Response:
        limit = httpx.Timeout(timeout or _REQUEST_SECONDS, connect=_CONNECT_SECONDS)
        try:
            response = await self._requests.request(
                method, path, params=_texts(parameters or {}), json=body, timeout=limit
            )
        except httpx.TransportError as error:
            raise _unavailable(error) from error
        if response.status_code >= 400:
            raise _refusal(response)
        return response


@asynccontextmanager
async def open_engine(socket: Path, check: Callable[[], None]) -> AsyncIterator[Engine]:
    """A client of the engine at ``socket``; it connects when it is first used."""

    def client(connections: int) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=8)
        transport = httpx.AsyncHTTPTransport(uds=str(socket), limits=limits)
        return httpx.AsyncClient(base_url="http://docker", transport=transport, trust_env=False)

    async with client(_CONNECTIONS) as requests, client(_STREAM_CONNECTIONS) as streams:
        yield Engine(requests, streams, check)


def filters(**wanted: list[str]) -> str:
    """Encode filters as the engine takes them."""
    return TypeAdapter(dict[str, list[str]]).dump_json(wanted).decode()


def _texts(parameters: Parameters) -> dict[str, str]:
    return {
        name: str(int(value)) if isinstance(value, bool) else str(value) for name, value in parameters.items()
    }


def _parse(contract: TypeAdapter[ValueT], data: bytes) -> ValueT:
    try:
        return contract.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise EngineError(
            502, f"the reply of the Docker Engine can't be read: {where}: {first['msg']}"
        ) from None


def _refusal(response: httpx.Response) -> Exception:
    try:
        message = EngineMessage.model_validate_json(response.content).message
    except ValidationError:
        message = response.text[:200]
    status = response.status_code
    if status == 503 or (status >= 500 and _TEMPORARY.search(message)):
        return EngineUnavailableError(f"the Docker Engine is not available: {message}")
    return EngineError(status, message or f"the Docker Engine replied {status}")


def _unavailable(error: httpx.TransportError) -> EngineUnavailableError:
    reason = str(error) or type(error).__name__
    return EngineUnavailableError(f"the Docker Engine does not respond ({reason})")
