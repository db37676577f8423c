"""Commands in what people say: read and authorized before their message is stored."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from opsroom_contracts.audit import ACTOR_MAX, ADDRESS_MAX, AuditAction, AuditedAction, Requester
from opsroom_contracts.chat.models import SendRequest
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.identity import Action
from opsroom_contracts.incidents.calls import CommandCaller, CommandOrder
from opsroom_contracts.incidents.commands import (
    Approve,
    ChangeServers,
    ChatCommand,
    CreateServer,
    Deny,
    RemoveSchedule,
    ScheduleCommand,
    ShowLogs,
)
from opsroom_contracts.incidents.grammar import SLASH, Text, is_command, parse, spec_of, word_of
from opsroom_contracts.incidents.words import Problem
from opsroom_contracts.text import clip
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.auth.authorization import Authorizer, Principal
from opsroom_gateway.chat.bot_commands import BotCatalog
from opsroom_gateway.middleware.client_address import Client
from opsroom_gateway.middleware.rate_limits import Limits

_AUDITED: Final[dict[type[object], AuditAction]] = {
    CreateServer: Command.CREATE,
    ShowLogs: AuditedAction.READ_LOG,
    Approve: AuditedAction.APPROVE,
    Deny: AuditedAction.DENY,
    ScheduleCommand: AuditedAction.SCHEDULE,
    RemoveSchedule: AuditedAction.UNSCHEDULE,
}
"""The commands whose refusals are audited; those of commands that change servers are, too."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who says something. ``principal``: authenticates them, which only a command needs."""

    client: Client
    principal: Callable[[], Awaitable[Principal]]


class ChatCommands:
    """Turns what people say into requests to store it. An unknown or forbidden command is never stored."""

    def __init__(
        self, access: Authorizer, limits: Limits, audit_log: GatewayAuditLog, bots: BotCatalog
    ) -> None:
        self._bots = bots
        self._access = access
        self._limits = limits
        self._audit_log = audit_log

    async def read(self, request: SendRequest, speaker: Speaker) -> SendRequest:
        """Return ``request`` with its command, if its text is one.

        Raises:
            FaultError: ``invalid_request``: it is no valid command; ``forbidden``, ``token_invalid``,
                ``banned``: the speaker may not give it; ``rate_limited``; ``unavailable``.
        """
        if not request.text.startswith(SLASH):
            return request
        name = word_of(request.text)
        bot = await self._bots.find(name) if is_command(request.text) and spec_of(name) is None else None
        said = parse(request.text, () if bot is None else (bot.name,))
        if isinstance(said, Text):
            return request.model_copy(update={"text": said.text})
        if isinstance(said, Problem):
            raise _invalid(f"{said.message} ({said.field}, character {said.position + 1})")
        spec = spec_of(name)
        if spec is not None and spec.is_local:
            raise _invalid(f"{SLASH}{name} is answered by the program that you chat with")
        if request.files:
            raise refuse(ErrorCode.INVALID_REQUEST, "files: a command has none", field="files")
        permission = Action.CHAT if spec is None else spec.permission
        caller = await self._caller(said, permission, speaker)
        if bot is not None and not caller.role.includes(bot.role):
            reason = f"{SLASH}{name} of the bot {bot.bot} needs the role {bot.role.value}"
            raise refuse(ErrorCode.FORBIDDEN, reason)
        order = CommandOrder(name=name, caller=caller, bot=None if bot is None else bot.bot)
        return request.model_copy(update={"command": order})

    async def _caller(self, said: ChatCommand, permission: Action, speaker: Speaker) -> CommandCaller:
        principal, client = await speaker.principal(), speaker.client
        name, address = clip(principal.name, ACTOR_MAX), clip(client.address, ADDRESS_MAX)
        try:
            self._access.check(principal, permission)
            for _ in range(_count(said)):
                self._limits.count_command(client, principal.identity)
        except FaultError as error:
            action = _audited(said)
            if action is not None:
                by = Requester(name=name, address=address, identity=principal.identity)
                self._audit_log.refused(action, by, error.fault, _target(said))
            raise
        if principal.role is None:
            raise AssertionError("permissions come from a role")
        return CommandCaller(
            actor=name,
            identity=principal.identity,
            owner=next((identity for _, identity in self._access.owners(principal)), None),
            address=address,
            role=principal.role,
            pending_max=self._limits.pending_max(client),
        )


def _invalid(reason: str) -> FaultError:
    return refuse(ErrorCode.INVALID_REQUEST, f"text: {reason}", field="text")


def _count(said: ChatCommand) -> int:
    """Return for how many commands it counts. Of those by label, the cloud service limits how many pend."""
    return max(1, len(said.targets.names)) if isinstance(said, ChangeServers) else 1


def _audited(said: ChatCommand) -> AuditAction | None:
    return said.command if isinstance(said, ChangeServers) else _AUDITED.get(type(said))


def _target(said: ChatCommand) -> str | None:
    match said:
        case ChangeServers():
            return said.targets.names[0] if said.targets.names else said.targets.selector
        case ShowLogs():
            return said.server
        case Approve() | Deny():
            return said.target
        case ScheduleCommand() | RemoveSchedule():
            return said.name
        case _:
            return None
