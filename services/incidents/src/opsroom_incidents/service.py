"""Composition root of the incidents service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from opsroom_contracts import endpoints, subjects
from opsroom_incidents.auditing import with_audit
from opsroom_incidents.bots.caller import BotCommands
from opsroom_incidents.bots.directory import BotDirectory
from opsroom_incidents.cards.acknowledging import Acknowledgements
from opsroom_incidents.cards.keeper import CardKeeper
from opsroom_incidents.commands.cloud import CloudCommands
from opsroom_incidents.commands.execution import Executor
from opsroom_incidents.commands.following import CardFollower
from opsroom_incidents.commands.incidents import IncidentOpener
from opsroom_incidents.commands.logs import ServerLogs
from opsroom_incidents.commands.plans import Plans
from opsroom_incidents.commands.posts import Posts
from opsroom_incidents.commands.schedules import ScheduleCommands
from opsroom_incidents.commands.worker import CommandWorker, Doers
from opsroom_incidents.domain.outgoing import SOURCES
from opsroom_incidents.hooks.alerts import AlertHandlers
from opsroom_incidents.hooks.handlers import HookHandlers
from opsroom_incidents.hooks.store import HookStore
from opsroom_incidents.incidents.catching_up import CatchUp
from opsroom_incidents.incidents.chat import ChatRooms
from opsroom_incidents.incidents.handlers import IncidentHandlers
from opsroom_incidents.incidents.keeper import IncidentKeeper
from opsroom_incidents.incidents.store import IncidentStore
from opsroom_incidents.on_call.escalation_store import EscalationStore
from opsroom_incidents.on_call.escalations import Escalations
from opsroom_incidents.on_call.handlers import OnCallHandlers
from opsroom_incidents.on_call.store import RotaStore
from opsroom_incidents.settings import IncidentsSettings
from opsroom_incidents.webhooks.delivering import WebhookDelivery
from opsroom_incidents.webhooks.handlers import WebhookHandlers
from opsroom_incidents.webhooks.store import WebhookStore
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.audit_log import AuditWriter
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.stream_epoch import EpochKeeper
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import incidents_stream, probes_stream, wait_for_streams
from opsroom_messaging.jetstream.upkeep import KeptStream, Upkeep
from opsroom_messaging.jetstream.worker import Worker, WorkerConsumer, WorkerPace
from opsroom_messaging.jetstream.write_probe import WriteProbe
from opsroom_runtime.duties import run_duties
from opsroom_runtime.metrics import single
from opsroom_runtime.outbound.addresses import AddressRule
from opsroom_runtime.process import run_tasks

_MAX_ACK_PENDING = 1000
_COMMANDS_AT_ONCE = 50
_ESCALATIONS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class _Incidents:
    """The components of one process."""

    writer: BatchWriter
    audit: AuditWriter
    worker: Worker
    follower: CardFollower
    hooks: HookHandlers
    alerts: AlertHandlers
    incidents: IncidentHandlers
    catch_up: CatchUp
    webhooks: WebhookHandlers
    delivery: WebhookDelivery
    on_call: OnCallHandlers
    bots: BotDirectory
    escalations: Escalations
    due: Worker


@asynccontextmanager
async def incidents_service(
    broker: NatsConnection, settings: IncidentsSettings
) -> AsyncIterator[asyncio.Event]:
    """Run the whole service on ``broker``; yields an event that is set if a background task fails.

    Raises:
        BrokerUnusableError: the broker rejected the streams.
    """
    await wait_for_streams(broker, (subjects.CHAT_STREAM,))
    upkeep = _upkeep(broker, settings)
    await upkeep.create()
    clock = BrokerClock()
    await clock.start(broker, subjects.INCIDENTS_STREAM)
    parts = _build(broker, settings, clock, upkeep)
    service = _endpoints(broker, parts)
    async with run_tasks(
        writer=parts.writer.run(),
        audit=parts.audit.run(),
        upkeep=upkeep.run(),
        write_probe=_write_probe(broker, upkeep).run(),
        clock=clock.run(broker, subjects.INCIDENTS_STREAM),
        epochs=EpochKeeper(broker, (subjects.INCIDENTS_STREAM,)).run(),
    ) as died:
        async with run_tasks(
            died,
            worker=parts.worker.run(),
            duties=run_duties(
                "incidents", (*parts.follower.duties(), *parts.catch_up.duties()), broker.metrics
            ),
            webhooks=parts.delivery.run(),
            due=parts.due.run(),
            escalations=run_duties("escalations", parts.escalations.duties(), broker.metrics),
        ):
            await service.start()
            try:
                yield died
            finally:
                await service.stop()
        await parts.audit.drain()


def _build(
    broker: NatsConnection, settings: IncidentsSettings, clock: BrokerClock, upkeep: Upkeep
) -> _Incidents:
    writer, audit, requester = BatchWriter(broker), AuditWriter(broker), RequestClient(broker)
    cloud = CloudCommands(requester)
    plans = Plans(StreamReader(broker, subjects.INCIDENTS_STREAM), writer)
    posts = Posts(requester)
    follower = CardFollower(plans, cloud, posts, clock)
    records = IncidentStore(StreamReader(broker, subjects.INCIDENTS_STREAM), writer)
    rooms = ChatRooms(requester)
    incidents = IncidentKeeper(records, posts, rooms, requester, clock)
    executor = Executor(cloud, plans, clock, settings.command_lateness())
    rotas = RotaStore(StreamReader(broker, subjects.INCIDENTS_STREAM), writer)
    escalations = Escalations(
        EscalationStore(StreamReader(broker, subjects.INCIDENTS_STREAM), writer),
        rotas,
        rooms,
        posts,
        clock=clock,
        minute=settings.escalation_minute(),
    )
    cards = CardKeeper(
        StreamReader(broker, subjects.INCIDENTS_STREAM),
        writer,
        requester,
        clock,
        along=escalations.begin,
        on_change=incidents.card_changed,
    )
    doers = Doers(
        executor=executor,
        cloud=cloud,
        logs=ServerLogs(broker, requester, cloud, audit),
        schedules=ScheduleCommands(requester, executor.check_on_time),
        acknowledgements=Acknowledgements(cards, requester),
        follower=follower,
        incidents=IncidentOpener(incidents, rooms),
        bots=BotCommands(broker, posts, executor.check_on_time, settings.bot_seconds),
    )
    commands = CommandWorker(StreamReader(broker, subjects.CHAT_STREAM), posts, doers)
    broker.metrics.counter_callback(
        "malformed", "Messages skipped because they fit no contract.", single(lambda: commands.malformed)
    )
    worker = Worker(
        broker,
        stream=subjects.CHAT_STREAM,
        durable=subjects.COMMAND_WORKERS,
        handle=commands.on_trigger,
        on_failure=upkeep.check_now,
        pace=WorkerPace(_COMMANDS_AT_ONCE, settings.command_ack_seconds / 3),
    )
    hooks = HookStore(StreamReader(broker, subjects.INCIDENTS_STREAM), writer)
    webhooks = WebhookStore(StreamReader(broker, subjects.INCIDENTS_STREAM), writer)
    delivery = WebhookDelivery(broker, webhooks, requester, clock, settings)
    return _Incidents(
        writer=writer,
        audit=audit,
        worker=worker,
        follower=follower,
        hooks=HookHandlers(hooks, clock),
        alerts=AlertHandlers(hooks, cards, clock),
        incidents=IncidentHandlers(records, incidents, rooms, plans),
        catch_up=CatchUp(records, incidents),
        webhooks=WebhookHandlers(
            webhooks,
            {source.stream: StreamReader(broker, source.stream) for source in SOURCES},
            requester,
            addresses=AddressRule("url", "INCIDENTS_WEBHOOK_PRIVATE", settings.webhook_private),
            clock=clock,
            on_change=delivery.look_now,
        ),
        delivery=delivery,
        on_call=OnCallHandlers(rotas, webhooks, rooms, clock),
        escalations=escalations,
        due=Worker(
            broker,
            stream=subjects.INCIDENTS_STREAM,
            durable=subjects.ESCALATION_WORKERS,
            handle=escalations.on_due,
            on_failure=upkeep.check_now,
            pace=WorkerPace(_ESCALATIONS_AT_ONCE),
        ),
        bots=BotDirectory(broker),
    )


def _endpoints(broker: NatsConnection, parts: _Incidents) -> MicroService:
    service = MicroService(
        broker,
        name=subjects.INCIDENTS_SERVICE,
        version=version("opsroom-incidents"),
        description="Commands of the chat, what comes in from outside, and what goes out.",
        gauges=dict,
    )
    hooks, audit = parts.hooks, parts.audit
    service.add(endpoints.HOOKS, hooks.list)
    service.add(endpoints.CREATE_HOOK, with_audit(audit, hooks.create))
    service.add(endpoints.ROTATE_HOOK, with_audit(audit, hooks.rotate))
    service.add(endpoints.DELETE_HOOK, with_audit(audit, hooks.delete))
    service.add(endpoints.ALERT, parts.alerts.accept)
    service.add(endpoints.ON_CALL, parts.on_call.list)
    service.add(endpoints.PUT_ROTA, with_audit(audit, parts.on_call.put))
    service.add(endpoints.INCIDENTS, parts.incidents.list)
    service.add(endpoints.INCIDENT, parts.incidents.show)
    service.add(endpoints.CHANGE_INCIDENT, parts.incidents.change)
    service.add(endpoints.COMMAND_STEPS, parts.incidents.steps)
    service.add(endpoints.BOT_COMMANDS, parts.bots.commands)
    parts.webhooks.register(service, audit)
    return service


def _upkeep(broker: NatsConnection, settings: IncidentsSettings) -> Upkeep:
    """The upkeep of the stream and the consumers that this service owns."""
    replicas = settings.stream_replicas
    workers = WorkerConsumer(
        ack_wait=settings.command_ack_seconds,
        max_pending=_MAX_ACK_PENDING,
        stream=subjects.CHAT_STREAM,
        durable=subjects.COMMAND_WORKERS,
        subject=subjects.CHAT_COMMANDS,
    )
    due = WorkerConsumer(
        ack_wait=settings.command_ack_seconds,
        max_pending=_MAX_ACK_PENDING,
        stream=subjects.INCIDENTS_STREAM,
        durable=subjects.ESCALATION_WORKERS,
        subject=subjects.ESCALATIONS_DUE,
    )
    return Upkeep(
        broker,
        [KeptStream(incidents_stream(replicas=replicas)), workers, due],
        optional=probes_stream(replicas=replicas),
    )


def _write_probe(broker: NatsConnection, upkeep: Upkeep) -> WriteProbe:
    suspects = {subjects.INCIDENTS_STREAM: subjects.command_plan(subjects.PROBE_ID)}
    return WriteProbe(broker, subjects.INCIDENTS_SERVICE, suspects, exists=lambda: upkeep.has_optional)
