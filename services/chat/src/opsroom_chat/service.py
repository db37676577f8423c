"""Composition root of the chat service."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version

from opsroom_chat.auditing import with_audit
from opsroom_chat.components import Components, components
from opsroom_chat.files.parts import build_files
from opsroom_chat.log.open_log import OpenLog, open_log
from opsroom_chat.members.presence_handlers import joining_together
from opsroom_chat.push.service import pushes
from opsroom_chat.search.service import message_search
from opsroom_chat.settings import ChatSettings
from opsroom_contracts import endpoints, subjects
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.leader_check import LeaderCheck
from opsroom_messaging.jetstream.stream_epoch import EpochKeeper
from opsroom_messaging.jetstream.streams import (
    chat_stream,
    gateways_bucket,
    members_stream,
    probes_stream,
)
from opsroom_messaging.jetstream.upkeep import KeptStream, Upkeep
from opsroom_messaging.jetstream.write_probe import WriteProbe
from opsroom_runtime.metrics import single
from opsroom_runtime.process import run_tasks

_READY_SECONDS = 30.0
_INDEX_SECONDS = 2.0
"""A start waits this long for the index. If it takes longer, shards are read when they are needed."""
_PROBED = {
    subjects.CHAT_STREAM: subjects.erasure_subject(subjects.PROBE_ID),
    subjects.MEMBERS_STREAM: subjects.moderated_subject(subjects.PROBE_ID),
}
"""A subject of each stream that nobody reads."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Checks:
    """Checks of the streams' leaders, before a request is refused because of what was read."""

    members: LeaderCheck
    messages: LeaderCheck


@asynccontextmanager
async def chat_service(broker: NatsConnection, settings: ChatSettings) -> AsyncIterator[asyncio.Event]:
    """Run the whole service on ``broker``; yields an event that is set if a background task fails.

    Raises:
        BrokerUnusableError: the broker rejected the streams.
    """
    upkeep = _upkeep(broker, settings)
    await upkeep.create()
    clock = BrokerClock()
    await clock.start(broker, subjects.MEMBERS_STREAM)
    async with open_log(broker, settings.index_dir) as message_log:
        async with _serving(broker, settings, upkeep, clock, message_log) as died:
            yield died


@asynccontextmanager
async def _serving(
    broker: NatsConnection, settings: ChatSettings, upkeep: Upkeep, clock: BrokerClock, message_log: OpenLog
) -> AsyncIterator[asyncio.Event]:
    files = build_files(broker, settings)
    chat = components(broker, settings, clock, message_log, files)
    state = chat.state
    service = _endpoints(broker, chat, settings.stream_replicas)
    async with run_tasks(
        member_writer=state.writer.run(),
        log_writer=message_log.writer.run(),
        index_subscription=message_log.subscription.run(),
        index=message_log.keeper.run(),
        subscription=state.subscription.run(),
        audit=chat.audit.run(),
        upkeep=upkeep.run(),
        files=files.run(),
        write_probe=_write_probe(broker, upkeep).run(),
        clock=clock.run(broker, subjects.MEMBERS_STREAM),
        epochs=EpochKeeper(broker, (subjects.CHAT_STREAM, subjects.MEMBERS_STREAM)).run(),
    ) as died:
        await state.subscription.ready(_READY_SECONDS)
        with suppress(TimeoutError):
            await message_log.subscription.ready(_INDEX_SECONDS)
        try:
            await state.store.finish_erasures()  # before removed messages could be served
        except UnavailableError as error:
            log.warning("pending erasures are retried by the sweeper: %s", error)
        async with (
            message_search(
                broker, message_log.feed, message_log.subscription, state.access, settings.index_dir
            ) as search,
            pushes(broker, chat.of_readers.push, settings) as push,
            run_tasks(
                died, sweeper=chat.of_members.sweeper.run(), search=search.indexer.run(), push=push.run()
            ),
        ):
            search.handlers.register(service)
            push.handlers.register(service)
            await service.start()
            try:
                yield died
            finally:
                await service.stop()
                await chat.of_readers.reads.close()
                await chat.audit.drain()


def _endpoints(broker: NatsConnection, chat: Components, replicas: int) -> MicroService:
    projection, messages = chat.state.projection, chat.of_messages.messages

    def skipped() -> int:
        return projection.malformed + messages.malformed

    service = MicroService(
        broker,
        name=subjects.CHAT_SERVICE,
        version=version("opsroom-chat"),
        description="People, names, presence and messages.",
        gauges=lambda: projection.index.counts() | {"malformed": skipped()},
    )
    broker.metrics.counter_callback(
        "malformed", "Messages skipped because they fit no contract.", single(skipped)
    )
    probes = {stream: LeaderCheck(broker, subject, replicas=replicas) for stream, subject in _PROBED.items()}
    checks = _Checks(probes[subjects.MEMBERS_STREAM], probes[subjects.CHAT_STREAM])
    chat.of_readers.reads.register(service)
    chat.of_readers.following.register(service)
    _add_members(service, chat, checks)
    _add_messages(service, chat, checks)
    return service


def _add_members(service: MicroService, chat: Components, checks: _Checks) -> None:
    of, audit, of_members = chat.of_members, chat.audit, checks.members.confirming
    presence, devices, restrictions = of.presence, of.devices, of.restrictions
    of.rooms.register(service)
    service.add(endpoints.REGISTER, presence.register)
    service.add(endpoints.JOIN, of_members(presence.join))
    service.add(endpoints.JOIN_BATCH, joining_together(of_members(presence.join)))
    service.add(endpoints.LEAVE, presence.leave)
    service.add(endpoints.USERS, presence.users)
    service.add(endpoints.WHOAMI, of_members(presence.whoami))
    service.add(endpoints.REVOKE, with_audit(audit, of_members(presence.revoke)))
    service.add(endpoints.INVITE, with_audit(audit, of_members(devices.invite)))
    service.add(endpoints.WITHDRAW, with_audit(audit, of_members(devices.withdraw)))
    service.add(endpoints.LINK, with_audit(audit, of_members(devices.link)))
    service.add(endpoints.EXCHANGE, with_audit(audit, of_members(devices.exchange)))
    service.add(endpoints.SIGN_OUT, with_audit(audit, of_members(devices.sign_out)))
    service.add(endpoints.CREATE_BOT, with_audit(audit, of_members(of.bots.create)))
    service.add(endpoints.RESTRICT, with_audit(audit, of_members(restrictions.restrict)))
    service.add(endpoints.LIFT, with_audit(audit, of_members(restrictions.lift)))
    service.add(endpoints.RESTRICTIONS, restrictions.page)


def _add_messages(service: MicroService, chat: Components, checks: _Checks) -> None:
    of, of_messages = chat.of_messages, checks.messages.confirming
    of.messages.register(service)
    of.files.register(service)
    service.add(endpoints.IMPORT, with_audit(chat.audit, of_messages(of.imports.store)))
    service.add(endpoints.BEGIN_IMPORTED_FILE, of_messages(of.imported_files.begin))
    service.add(endpoints.REMOVE_MESSAGE, with_audit(chat.audit, of_messages(of.edits.remove)))
    service.add(endpoints.REPLY, of_messages(of.replies.reply))
    service.add(endpoints.MAY_SEND, checks.members.confirming(chat.state.people.answer))
    service.add(endpoints.EDIT, of_messages(of.edits.edit))
    service.add(endpoints.CARD, of_messages(of.cards.put))
    service.add(endpoints.DELETE, of_messages(of.edits.delete))
    service.add(endpoints.REACT, of_messages(of.reactions.react))
    service.add(endpoints.PIN, of_messages(of.reactions.pin))
    service.add(endpoints.PINS, of.pins.page)


def _upkeep(broker: NatsConnection, settings: ChatSettings) -> Upkeep:
    """The upkeep of the streams that this service owns."""
    replicas = settings.stream_replicas
    messages = chat_stream(
        max_age=settings.retention_seconds(), max_bytes=settings.retention_bytes, replicas=replicas
    )
    owned = (messages, members_stream(replicas=replicas), gateways_bucket(replicas=replicas))
    return Upkeep(broker, [KeptStream(spec) for spec in owned], optional=probes_stream(replicas=replicas))


def _write_probe(broker: NatsConnection, upkeep: Upkeep) -> WriteProbe:
    return WriteProbe(broker, subjects.CHAT_SERVICE, _PROBED, exists=lambda: upkeep.has_optional)
