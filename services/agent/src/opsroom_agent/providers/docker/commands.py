"""The commands of the portal at a Docker Engine. Each step first looks whether it was done already."""

from collections.abc import Awaitable, Callable, Mapping

from opsroom_agent.operations import Operation, OutcomeUnknownError
from opsroom_agent.providers.docker.claims import Claims, claim_name
from opsroom_agent.providers.docker.containers import Containers
from opsroom_agent.providers.docker.engine import EngineError
from opsroom_agent.providers.docker.models import NEVER, Container
from opsroom_agent.providers.docker.portal_containers import portal_containers
from opsroom_agent.providers.docker.pulls import Pulls
from opsroom_agent.providers.docker.templates import DockerTemplate, DockerTemplates, with_tag
from opsroom_agent.providers.docker.views import (
    INSTANCE_LABEL,
    NAME_LABEL,
    OPERATION_LABEL,
    PORTAL_LABEL,
    TEMPLATE_LABEL,
    container_name,
    observation,
)
from opsroom_contracts.agents.protocol import ApplyReply, ApplyStatus
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.instances import FailureCode
from opsroom_contracts.cloud.models import Progress

_STOP_SECONDS = 10
"""How long the engine waits for a container without such a setting before it kills it."""
_MARGIN_SECONDS = 30.0
_REASON_MAX = 500
_NO_ROOM = (
    "no space left",
    "not enough",
    "cannot allocate memory",
    "address pools have been fully subnetted",
)
_BUSY = ("in progress", "marked for removal", "is being removed")
"""In messages about a container that another request is at work on."""
_CONFLICT = 409
_FORBIDDEN = 403


class CommandFailedError(Exception):
    """The engine has refused a command for certain."""

    def __init__(self, reason: str, code: FailureCode = FailureCode.PROVIDER_ERROR) -> None:
        super().__init__(reason)
        self.code = code


class DockerCommands:
    """Does operations; see :data:`opsroom_agent.operations.Work`. ``environ``: our variables."""

    def __init__(
        self,
        containers: Containers,
        templates: DockerTemplates,
        pulls: Pulls,
        claims: Claims,
        environ: Mapping[str, str],
    ) -> None:
        self._containers = containers
        self._engine = containers.engine
        self._templates = templates
        self._pulls = pulls
        self._claims = claims
        self._environ = environ
        self._commands: dict[Command, Callable[[Operation], Awaitable[Container | None]]] = {
            Command.CREATE: self._create,
            Command.START: self._start,
            Command.STOP: self._stop,
            Command.RESTART: self._restart,
            Command.REMOVE: self._remove,
            Command.ADOPT: self._adopt,
        }

    async def work(self, operation: Operation) -> ApplyReply:
        """Do the operation and return its outcome.

        Raises:
            OutcomeUnknownError: whether it was done is unknown.
        """
        request = operation.request
        command = self._commands.get(request.command)
        try:
            if command is None:
                raise CommandFailedError(f"this provider does not know the command {request.command.value}")
            container = await command(operation)
        except CommandFailedError as error:
            return ApplyReply(status=ApplyStatus.FAILED, reason=str(error)[:_REASON_MAX], code=error.code)
        except EngineError as error:
            return _failed(error)
        if container is None:
            return ApplyReply(status=ApplyStatus.DONE)
        adopted = request.command is Command.ADOPT or request.server.resource is not None
        seen = observation(request.server.id, container, adopted=adopted)
        return ApplyReply(status=ApplyStatus.DONE, observed=seen)

    async def _create(self, operation: Operation) -> Container:
        server = operation.request.server
        template = self._templates.templates.get(server.template or "")
        if template is None:
            raise CommandFailedError(
                f"this provider has no template {server.template}", FailureCode.TEMPLATE_UNKNOWN
            )
        name = container_name(server.id)
        container = await self._engine.container(name)
        if container is None:
            container = await self._create_container(operation, template)
        if not self._containers.is_ours(container, server.id):
            raise CommandFailedError(f"there is a container named {name} that this portal has not created")
        try:
            await self._connect(container, template)
            if operation.request.start and container.state.started_at == NEVER:
                await self._engine.change("POST", f"/containers/{container.id}/start")
        except EngineError as error:
            if error.about_container:
                raise OutcomeUnknownError("the container was removed while it was being created") from error
            # A create that fails leaves nothing.
            await self._delete(container.id)
            raise
        return await self._look(container.id)

    async def _create_container(self, operation: Operation, template: DockerTemplate) -> Container:
        server = operation.request.server
        labels = {
            PORTAL_LABEL: self._containers.portal,
            INSTANCE_LABEL: server.id,
            OPERATION_LABEL: operation.request.operation_id,
            NAME_LABEL: server.name,
            TEMPLATE_LABEL: server.template or "",
        }
        name, body = container_name(server.id), template.body(labels)
        pulled = False
        while True:
            try:
                await self._engine.change("POST", "/containers/create", {"name": name}, body)
            except EngineError as error:
                if error.about_image and not pulled:
                    await self._pull(operation, with_tag(template.image))
                    pulled = True
                    continue
                if error.status != _CONFLICT:
                    raise
            return await self._look(name)

    async def _pull(self, operation: Operation, image: str) -> None:

        def report(progress: Progress) -> None:
            operation.progress = progress

        try:
            await self._pulls.pull(image, report)
        except EngineError as error:
            raise CommandFailedError(f"the image {image} can't be pulled: {error}") from error

    async def _connect(self, container: Container, template: DockerTemplate) -> None:
        """Connect a container to the networks after the first one, unless it is."""
        for network in template.networks[1:]:
            try:
                body = {"Container": container.id}
                await self._engine.change("POST", f"/networks/{network}/connect", body=body)
            except EngineError as error:
                if error.status != _FORBIDDEN:  # it is connected already
                    raise

    async def _start(self, operation: Operation) -> Container:
        container = await self._existing(operation)
        if await self._is_new(operation, "started", container.state.started_at):
            await self._change_state(container, "start", _MARGIN_SECONDS)
        return await self._look(container.id)

    async def _stop(self, operation: Operation) -> Container:
        container = await self._existing(operation)
        first = await self._is_new(operation, "finished", container.state.finished_at)
        if first or container.state.running or container.state.restarting:
            await self._change_state(container, "stop", _stop_seconds(container) + _MARGIN_SECONDS)
        return await self._look(container.id)

    async def _restart(self, operation: Operation) -> Container:
        container = await self._existing(operation)
        if await self._is_new(operation, "started", container.state.started_at):
            await self._change_state(container, "restart", _stop_seconds(container) + _MARGIN_SECONDS)
        return await self._look(container.id)

    async def _remove(self, operation: Operation) -> None:
        server = operation.request.server
        container = await self._containers.find(server)
        if container is not None:
            # The volumes without a name of what the portal has not created may hold somebody's data.
            await self._delete(container.id, volumes=server.resource is None)
        if server.resource is not None:
            await self._claims.release(server.resource)

    async def _adopt(self, operation: Operation) -> Container:
        server = operation.request.server
        container = None if server.resource is None else await self._engine.container(server.resource)
        if container is None:
            raise CommandFailedError(f"there is no container {server.resource}", FailureCode.VANISHED)
        name = container.name.removeprefix("/")
        if container.label(PORTAL_LABEL) is not None:
            raise CommandFailedError(f"the container {name} belongs to a portal")
        if (await portal_containers(self._engine, self._environ)).include(container):
            raise CommandFailedError(f"the container {name} is part of this portal itself")
        holder = await self._claims.take(container.id, server.id)
        if holder is not None:
            claim = claim_name(container.id)
            raise CommandFailedError(
                f"the container {name} was adopted by another portal, {holder}."
                f" If that does not exist any more: docker volume rm {claim}"
            )
        return container

    async def _existing(self, operation: Operation) -> Container:
        container = await self._containers.find(operation.request.server)
        if container is None:
            raise CommandFailedError("the container does not exist any more", FailureCode.VANISHED)
        return container

    async def _is_new(self, operation: Operation, mark: str, value: str) -> bool:
        """Return whether the step has not been done: ``value``, a time of the container, is as it was before.

        At the first attempt, that time is noted in the journal. It needs no comparison of clocks.
        """
        before = operation.marks.get(mark)
        if before is None:
            await operation.remember(**{mark: value})
        return before in {None, value}

    async def _change_state(self, container: Container, verb: str, timeout: float) -> None:
        try:
            await self._engine.change("POST", f"/containers/{container.id}/{verb}", timeout=timeout)
        except EngineError as error:
            if error.about_container:
                raise CommandFailedError(
                    "the container does not exist any more", FailureCode.VANISHED
                ) from error
            raise

    async def _delete(self, container_id: str, *, volumes: bool = True) -> None:
        """Remove a container.

        Raises:
            OutcomeUnknownError: its removal is in progress.
        """
        try:
            await self._engine.change(
                "DELETE",
                f"/containers/{container_id}",
                {"force": True, "v": volumes},
                timeout=_MARGIN_SECONDS,
            )
        except EngineError as error:
            if error.status == _CONFLICT:
                raise OutcomeUnknownError(f"the container is being removed: {error}") from error
            if not error.about_container:
                raise

    async def _look(self, reference: str) -> Container:
        """Return a container after a step.

        Raises:
            OutcomeUnknownError: it does not exist any more.
        """
        container = await self._engine.container(reference)
        if container is None:
            raise OutcomeUnknownError("the container has disappeared")
        return container


def _failed(error: EngineError) -> ApplyReply:
    if error.status == _CONFLICT and any(text in error.message.lower() for text in _BUSY):
        raise OutcomeUnknownError(f"the container is busy: {error}") from error
    no_room = any(text in error.message.lower() for text in _NO_ROOM)
    code = FailureCode.NO_CAPACITY if no_room else FailureCode.PROVIDER_ERROR
    return ApplyReply(status=ApplyStatus.FAILED, reason=error.message[:_REASON_MAX], code=code)


def _stop_seconds(container: Container) -> int:
    return _STOP_SECONDS if container.config.stop_timeout is None else container.config.stop_timeout
