"""From the trigger of a command to its reply."""

import logging
from dataclasses import dataclass
from typing import assert_never

from opsroom_contracts.chat.events import MESSAGE_STATE, MessageEvent
from opsroom_contracts.errors import RETRYABLE, FaultError
from opsroom_contracts.incidents.calls import COMMAND_TRIGGER, CommandTrigger
from opsroom_contracts.incidents.cards import Card
from opsroom_contracts.incidents.commands import (
    Acknowledge,
    Approve,
    ChangeServers,
    ChatCommand,
    CreateServer,
    Custom,
    Deny,
    Help,
    ListSchedules,
    ListServers,
    OpenIncident,
    RemoveSchedule,
    ScheduleCommand,
    SearchFor,
    ShowLogs,
    Undo,
)
from opsroom_contracts.incidents.grammar import Text, parse, word_of
from opsroom_contracts.incidents.plans import CommandPlan
from opsroom_contracts.incidents.words import Problem
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_incidents.bots.caller import BotCommands
from opsroom_incidents.cards.acknowledging import Acknowledgements
from opsroom_incidents.commands.cloud import CloudCommands
from opsroom_incidents.commands.execution import Executor
from opsroom_incidents.commands.following import CardFollower
from opsroom_incidents.commands.incidents import IncidentOpener
from opsroom_incidents.commands.logs import ServerLogs
from opsroom_incidents.commands.posts import Posts
from opsroom_incidents.commands.said import RefusalError, Said, selected
from opsroom_incidents.commands.schedules import ScheduleCommands
from opsroom_incidents.domain.operation_cards import first_standings, operation_card, servers_card
from opsroom_incidents.domain.results import no_servers, plan_text
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Doers:
    """What does commands."""

    executor: Executor
    cloud: CloudCommands
    logs: ServerLogs
    schedules: ScheduleCommands
    acknowledgements: Acknowledgements
    follower: CardFollower
    incidents: IncidentOpener
    bots: BotCommands


Reply = str | Card | CommandPlan | None
"""A text, a card, or a command whose card follows its operations. None: the reply is there already."""


class CommandWorker:
    """Handles triggers: reads the message, does its command, and stores the reply.

    A trigger is acknowledged once the reply is stored. One that is delivered again finds what was done: steps
    have derived keys, and the reply has a derived id.
    """

    def __init__(self, reader: StreamReader, posts: Posts, doers: Doers) -> None:
        self._reader = reader
        self._posts = posts
        self._doers = doers
        self.malformed = 0

    async def on_trigger(self, message: StreamMessage) -> None:
        """Do the command of one trigger.

        Raises:
            UnavailableError: it is not done yet, or a newer release stored it; it must be delivered again.
        """
        try:
            trigger = COMMAND_TRIGGER.read(message.data)
        except NewerVersionError as error:
            raise UnavailableError(f"{message.subject}: {error}") from error
        except ContractError as error:
            self.malformed += 1
            log.warning("dropped a malformed trigger on %s: %s", message.subject, error)
            return
        event = await self._message(trigger, message.seq)
        if event is None:
            log.info("the message of %s was removed before its command was done", message.subject)
            return
        try:
            await self._answer(event, trigger, again=message.deliveries > 1)
        except FaultError as error:
            log.info("a command has no reply: %s", error.fault.message)  # its room or thread is gone

    async def _message(self, trigger: CommandTrigger, seq: int) -> MessageEvent | None:
        """Return the message of a trigger, which is stored right before it; None: it is removed."""
        stored = await self._reader.at(seq - 1)
        if stored is None:
            return None
        try:
            event = MESSAGE_STATE.read(stored.data)
        except NewerVersionError as error:
            raise UnavailableError(f"{stored.subject}: {error}") from error
        except ContractError:
            return None
        return event if isinstance(event, MessageEvent) and event.id == trigger.message_id else None

    async def _answer(self, event: MessageEvent, trigger: CommandTrigger, *, again: bool) -> None:
        """Do the command of a message, and post the reply."""
        reply = await self._reply(event, trigger, again=again)
        match reply:
            case str():
                await self._posts.text(event.id, event.room, event.thread, reply)
            case Card():
                await self._posts.card(event.room, event.thread, reply)
            case CommandPlan():
                card = operation_card(reply, first_standings(reply), event.timestamp)
                await self._posts.card(event.room, event.thread, card)
                self._doers.follower.follow(reply)
            case None:
                pass
            case _:
                assert_never(reply)

    async def _reply(self, event: MessageEvent, trigger: CommandTrigger, *, again: bool) -> Reply:
        custom = () if trigger.bot is None else (word_of(event.text),)
        command = parse(event.text, custom)
        if isinstance(command, Text | Problem) or event.command is None:
            return f"{event.text}: this release of the portal does not know the command."
        said = Said(
            message_id=event.id,
            user_id=event.user.id,
            room=event.room,
            thread=event.thread,
            name=event.command.name,
            caller=trigger.caller,
            at=event.timestamp,
            bot=trigger.bot,
            again=again,
        )
        try:
            return await self._do(command, said)
        except RefusalError as refusal:
            return str(refusal)
        except FaultError as error:
            if error.fault.code in RETRYABLE:
                raise UnavailableError(error.fault.message) from error
            return f"/{said.name}: {error.fault.message}"

    async def _do(self, command: ChatCommand, said: Said) -> Reply:  # noqa: C901, PLR0911, PLR0912 - a case for each
        match command:
            case CreateServer() | ChangeServers():
                plan = await self._doers.executor.execute(command, said)
                return plan if plan.accepted() else plan_text(plan)
            case Undo() | Approve() | Deny():
                return plan_text(await self._doers.executor.execute(command, said))
            case ListServers():
                self._doers.executor.check_on_time(said)
                found = await self._doers.cloud.instances()
                if command.targets is not None:
                    found = tuple(selected(found, command.targets))
                return servers_card(said.message_id, found, said.at) if found else no_servers(command)
            case ShowLogs():
                self._doers.executor.check_on_time(said)
                return await self._doers.logs.show(command, said)
            case OpenIncident():
                self._doers.executor.check_on_time(said)
                return await self._doers.incidents.open(command, said)
            case ScheduleCommand():
                return await self._doers.schedules.make(command, said)
            case ListSchedules():
                return await self._doers.schedules.show(said)
            case RemoveSchedule():
                return await self._doers.schedules.remove(command, said)
            case Acknowledge():
                return await self._doers.acknowledgements.acknowledge(said)
            case Custom() if said.bot is not None:
                await self._doers.bots.run(command, said, said.bot)
                return None
            case SearchFor() | Help() | Custom():
                raise RefusalError(f"/{said.name} can't be done here.")
            case _:
                assert_never(command)
