"""Operations on servers of Hetzner Cloud, each step of which can be repeated."""

import asyncio
import time
from typing import Final, assert_never

from opsroom_agent.operations import Operation, OutcomeUnknownError
from opsroom_agent.providers.hetzner.api import ApiError, ApiUnavailableError, HetznerApi, RateLimitedError
from opsroom_agent.providers.hetzner.models import Action, ActionError, Server, ServerStatus
from opsroom_agent.providers.hetzner.templates import HetznerTemplates
from opsroom_agent.providers.hetzner.views import (
    INSTANCE_LABEL,
    PORTAL_LABEL,
    labels_of,
    observation,
    selector,
    server_name,
)
from opsroom_contracts.agents.protocol import ApplyReply, ApplyRequest, ApplyStatus, ServerRef
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.instances import FailureCode
from opsroom_contracts.cloud.models import Progress

_BUSY: Final = frozenset({"locked", "conflict"})
_FULL: Final = frozenset({"resource_limit_exceeded", "resource_unavailable", "placement_error"})
_SHUTDOWN_MARK: Final = "shutdown_at"
_START: Final = "poweron"
_DELETE: Final = "delete"


class FailedError(Exception):
    """An operation has certainly failed."""

    def __init__(self, reason: str, code: FailureCode) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class HetznerWork:
    """Carries out operations for ``portal``. ``poll``: seconds between two looks at an action.

    ``stop_seconds``: how long a server may take to shut down before its power is cut.
    """

    def __init__(
        self,
        api: HetznerApi,
        templates: HetznerTemplates,
        portal: str,
        *,
        stop_seconds: float,
        poll: float = 1.0,
    ) -> None:
        self._api = api
        self._templates = templates
        self._portal = portal
        self._stop_seconds = stop_seconds
        self._poll = poll

    async def __call__(self, operation: Operation) -> ApplyReply:
        """Carry out an operation; return its outcome.

        Raises:
            OutcomeUnknownError: there was no reply, the server is busy, or the rate limit is reached.
            FaultError: this process may not act any more.
        """
        request = operation.request
        try:
            await self._do(operation)
            server = await self.find(request.server)
        except FailedError as error:
            return ApplyReply(status=ApplyStatus.FAILED, reason=error.reason[:500], code=error.code)
        except RateLimitedError as error:
            await asyncio.sleep(error.seconds)
            raise OutcomeUnknownError(str(error)) from error
        except ApiUnavailableError as error:
            raise OutcomeUnknownError(str(error)) from error
        except ApiError as error:
            return self._refused(error)
        return ApplyReply(
            status=ApplyStatus.DONE, observed=None if server is None else observation(request.server, server)
        )

    async def find(self, ref: ServerRef) -> Server | None:
        """Return a server by the API's id, if it was adopted, or by its label."""
        if ref.resource is not None:
            return await self._api.server(ref.resource)
        found = await self._api.servers(label_selector=selector(self._portal, ref.id))
        return found[0] if found else None

    async def _do(self, operation: Operation) -> None:
        command, server = operation.request.command, await self.find(operation.request.server)
        match command:
            case Command.CREATE:
                await self._create(operation, server)
            case Command.REMOVE:
                await self._remove(operation, server)
            case Command.ADOPT:
                self._adopt(_existing(server))
            case Command.START:
                await self._start(operation, _existing(server))
            case Command.STOP:
                await self._stop(operation, _existing(server))
            case Command.RESTART:
                await self._restart(operation, _existing(server))
            case Command.PROTECT | Command.UNPROTECT | Command.RENAME | Command.LABEL:
                raise FailedError(f"{command.value} is not for a provider", FailureCode.PROVIDER_ERROR)
            case _:
                assert_never(command)

    async def _create(self, operation: Operation, server: Server | None) -> None:
        request = operation.request
        if server is None:
            created = await self._create_new(request)
            for action in () if created is None else created:
                await self._wait(operation, action, "creating the server")
            return
        # An earlier attempt has created it.
        while server is not None and server.status in {ServerStatus.INITIALIZING, ServerStatus.STARTING}:
            await asyncio.sleep(self._poll)
            server = await self.find(request.server)
        if request.start and server is not None:
            await self._start(operation, server)

    async def _create_new(self, request: ApplyRequest) -> tuple[Action, ...] | None:
        template = self._templates.templates.get(request.server.template or "")
        if template is None:
            reason = f"there is no template {request.server.template} any more"
            raise FailedError(reason, FailureCode.TEMPLATE_UNKNOWN)
        labels = labels_of(self._portal, request)
        body = template.body(server_name(request.server.id), labels, start=request.start)
        try:
            reply = await self._api.create(body)
        except ApiError as error:
            if error.code != "uniqueness_error" or not await self._is_ours(request.server):
                raise
            raise OutcomeUnknownError("it exists already; looking at it again") from error
        return (reply.action, *reply.next_actions)

    async def _is_ours(self, ref: ServerRef) -> bool:
        found = await self._api.servers(name=server_name(ref.id))
        labels = (self._portal, ref.id)
        return any((one.labels.get(PORTAL_LABEL), one.labels.get(INSTANCE_LABEL)) == labels for one in found)

    async def _remove(self, operation: Operation, server: Server | None) -> None:
        if server is None:
            return
        try:
            await self._once(operation, server, _DELETE, "delete_server", "deleting the server")
        except ApiError as error:
            if error.code != "not_found":
                raise
        # The API may still list a server for a moment that is deleted.
        while (left := await self.find(operation.request.server)) is not None:
            if left.status != ServerStatus.DELETING:
                raise OutcomeUnknownError("the server is still there")
            await asyncio.sleep(self._poll)

    def _adopt(self, server: Server) -> None:
        portal = server.labels.get(PORTAL_LABEL)
        if portal is not None:
            reason = f"{server.name} is managed by portal {portal} already"
            raise FailedError(reason, FailureCode.PROVIDER_ERROR)

    async def _start(self, operation: Operation, server: Server) -> None:
        if server.status != ServerStatus.RUNNING:
            await self._once(operation, server, _START, "start_server", "starting the server")

    async def _stop(self, operation: Operation, server: Server) -> None:
        """Ask the server to shut down; cut its power if it has not within the time."""
        if server.status == ServerStatus.OFF:
            return
        await self._once(operation, server, "shutdown", "shutdown_server", "shutting down")
        if _SHUTDOWN_MARK not in operation.marks:
            await operation.remember(**{_SHUTDOWN_MARK: str(time.time())})
        since = float(operation.marks[_SHUTDOWN_MARK])
        while time.time() - since < self._stop_seconds:
            if _existing(await self.find(operation.request.server)).status == ServerStatus.OFF:
                return
            await asyncio.sleep(self._poll)
        await self._once(operation, server, "poweroff", "stop_server", "cutting the power")

    async def _restart(self, operation: Operation, server: Server) -> None:
        if server.status == ServerStatus.OFF or _START in operation.marks:
            await self._start(operation, server)
        else:
            await self._once(operation, server, "reboot", "reboot_server", "restarting the server")

    async def _once(self, operation: Operation, server: Server, verb: str, command: str, text: str) -> None:
        """Begin an action unless an earlier attempt has, and wait for it.

        The id of the server's last action is noted before, so that a later attempt can see whether the action
        was begun. ``command``: what the API calls the action that ``verb`` begins.
        """
        if verb not in operation.marks:
            actions = await self._api.last_actions(server.id)
            await operation.remember(**{verb: str(actions[0].id if actions else 0)})
            begun = None
        else:
            after = int(operation.marks[verb])
            actions = await self._api.last_actions(server.id)
            begun = next((one for one in actions if one.id > after and one.command == command), None)
        if begun is None:
            delete = verb == _DELETE
            begun = await (self._api.delete(server.id) if delete else self._api.begin(server.id, verb))
        await self._wait(operation, begun, text)

    async def _wait(self, operation: Operation, action: Action, text: str) -> None:
        while action.status == "running":
            operation.progress = Progress(text=text, percent=max(0, min(action.progress, 100)))
            await asyncio.sleep(self._poll)
            action = await self._api.action(action.id)
        if action.status == "error":
            error = action.error or ActionError(code="unknown", message=f"{action.command} has failed")
            raise ApiError(error.code, error.message)

    def _refused(self, error: ApiError) -> ApplyReply:
        if error.code in _BUSY:
            raise OutcomeUnknownError(f"the server is busy ({error.code})") from error
        code = FailureCode.PROVIDER_ERROR
        if error.code in _FULL:
            code = FailureCode.NO_CAPACITY
        elif error.code == "not_found":
            code = FailureCode.VANISHED
        reason = f"Hetzner Cloud: {error} ({error.code})"[:500]
        return ApplyReply(status=ApplyStatus.FAILED, reason=reason, code=code)


def _existing(server: Server | None) -> Server:
    if server is None:
        raise FailedError("there is no such server at Hetzner Cloud", FailureCode.VANISHED)
    return server
