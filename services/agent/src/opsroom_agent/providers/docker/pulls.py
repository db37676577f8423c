"""Pulling of images: one pull for each image, however many operations wait for it."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from pydantic import ValidationError

from opsroom_agent.providers.docker.engine import Engine, EngineError
from opsroom_agent.providers.docker.lines import split_lines
from opsroom_agent.providers.docker.models import PullMessage
from opsroom_agent.providers.docker.registries import RegistryCredentials
from opsroom_contracts.cloud.models import Progress

_SILENCE_SECONDS = 120.0
_REPORT_SECONDS = 0.3
_ATTEMPTS = 4
_PAUSE_SECONDS = 1.0
_TEXT_MAX = 200
_LAYERS_MAX = 1000
_FINAL = (
    "not found",
    "manifest unknown",
    "denied",
    "unauthorized",
    "no matching manifest",
    "invalid reference",
)
"""In messages about an image that another attempt won't get either."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Pull:
    image: str
    layers: dict[str, tuple[int, int]] = field(default_factory=dict)
    waiting: int = 0
    task: "asyncio.Task[None] | None" = None

    def progress(self) -> Progress:
        """How much of the layers that are known was downloaded."""
        current = sum(done for done, _ in self.layers.values())
        total = sum(size for _, size in self.layers.values())
        text = f"pulling the image {self.image}"[:_TEXT_MAX]
        return Progress(text=text, percent=min(100, current * 100 // total) if total else None)

    def note(self, message: PullMessage) -> None:
        """Take note of one line of the report."""
        if message.progress is not None and message.progress.total and message.status == "Downloading":
            if message.id in self.layers or len(self.layers) < _LAYERS_MAX:
                self.layers[message.id] = (message.progress.current, message.progress.total)
        elif message.status in {"Download complete", "Pull complete"} and message.id in self.layers:
            total = self.layers[message.id][1]
            self.layers[message.id] = (total, total)


class Pulls:
    """The pulls of one engine, with the credentials of each image's registry."""

    def __init__(self, engine: Engine, credentials: RegistryCredentials) -> None:
        self._engine = engine
        self._credentials = credentials
        self._pulls: dict[str, _Pull] = {}

    async def pull(self, image: str, report: Callable[[Progress], None]) -> None:
        """Wait until the engine has the image; the pull ends if nobody waits for it any more.

        Raises:
            EngineError: the image can't be pulled.
            EngineUnavailableError: the engine does not respond.
        """
        pull = self._pulls.get(image)
        if pull is None:
            pull = self._pulls[image] = _Pull(image)
            pull.task = asyncio.create_task(self._run(pull), name=f"pull of {image}")
        assert pull.task is not None
        pull.waiting += 1
        try:
            while not pull.task.done():
                report(pull.progress())
                await asyncio.wait({pull.task}, timeout=_REPORT_SECONDS)
            pull.task.result()
        finally:
            pull.waiting -= 1
            if not pull.waiting:
                pull.task.cancel()

    async def _run(self, pull: _Pull) -> None:
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    await self._once(pull)
                except EngineError as error:
                    if attempt == _ATTEMPTS or any(text in error.message.lower() for text in _FINAL):
                        raise
                    log.info("pulling %s: %s", pull.image, error)
                    await asyncio.sleep(_PAUSE_SECONDS * 2 ** (attempt - 1))
                else:
                    return
        finally:
            del self._pulls[pull.image]

    async def _once(self, pull: _Pull) -> None:
        auth = await self._credentials.of(pull.image)
        headers = {} if auth.header is None else {"X-Registry-Auth": auth.header}
        try:
            async with self._engine.stream(
                "POST", "/images/create", {"fromImage": pull.image}, silence=_SILENCE_SECONDS, headers=headers
            ) as data:
                async with aclosing(split_lines(data)) as lines:
                    async for line in lines:
                        _note(pull, line)
        except EngineError as error:
            if auth.problem is None:
                raise
            # Without credentials the registry may say "not found": only this says why.
            raise EngineError(error.status, f"{error.message}; {auth.problem}") from error


def _note(pull: _Pull, line: bytes) -> None:
    try:
        message = PullMessage.model_validate_json(line)
    except ValidationError:
        return
    if message.error is not None:
        raise EngineError(500, message.error)
    pull.note(message)
