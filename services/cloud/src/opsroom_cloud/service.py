"""Composition root of the cloud service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version

from opsroom_cloud.commands.auditing import with_audit
from opsroom_cloud.commands.commands import CommandRules, Commands
from opsroom_cloud.commands.orders import OrderMaker, OrderPolicy
from opsroom_cloud.commands.pending_quota import PendingQuota
from opsroom_cloud.instances.event_store import EventStore
from opsroom_cloud.instances.list_instances import InstanceLister
from opsroom_cloud.instances.names import CatchUp, ServerNames
from opsroom_cloud.instances.projection import InstanceProjection
from opsroom_cloud.instances.retention import EventRetention
from opsroom_cloud.operations.agent_operations import AgentOperations, lateness
from opsroom_cloud.operations.approvals import Approvals
from opsroom_cloud.operations.deadlines import Deadlines
from opsroom_cloud.operations.operations import Operations
from opsroom_cloud.operations.reconciler import Reconciler
from opsroom_cloud.operations.runner import OperationRunner
from opsroom_cloud.operations.timers import Timers
from opsroom_cloud.providers.agents import AgentClient
from opsroom_cloud.providers.directory import ProviderDirectory
from opsroom_cloud.providers.observer import Observer, ProviderWatch
from opsroom_cloud.providers.provider import Provider
from opsroom_cloud.providers.reconciliation import Reconciliation, Stored
from opsroom_cloud.schedules.handlers import Schedules
from opsroom_cloud.schedules.projection import ScheduleProjection
from opsroom_cloud.schedules.runner import ScheduleRunner, Servers
from opsroom_cloud.schedules.store import ScheduleStore
from opsroom_cloud.settings import CloudSettings
from opsroom_contracts import endpoints, subjects
from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.cloud.commands import Command
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.jetstream.audit_log import AuditWriter
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.leader_check import LeaderCheck
from opsroom_messaging.jetstream.stream_epoch import EpochKeeper
from opsroom_messaging.jetstream.stream_handler import StreamHandler
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.stream_retention import StreamRetention
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_messaging.jetstream.streams import agents_stream, audit_stream, cloud_stream, probes_stream
from opsroom_messaging.jetstream.upkeep import KeptStream, Upkeep
from opsroom_messaging.jetstream.worker import Worker, WorkerConsumer
from opsroom_messaging.jetstream.write_probe import WriteProbe
from opsroom_runtime.duties import run_duties
from opsroom_runtime.metrics import single
from opsroom_runtime.process import run_tasks

_READY_SECONDS = 60.0
_ACK_MARGIN_SECONDS = 30.0
"""Acknowledgment timeout of due messages, in addition to the provider's timeout."""
_MAX_ACK_PENDING = 20_000


@dataclass(frozen=True, slots=True)
class _Cloud:
    """The components of one cloud process."""

    projection: InstanceProjection
    subscription: StreamSubscription
    directory: ProviderDirectory
    directory_subscription: StreamSubscription
    writer: BatchWriter
    runner: OperationRunner
    working: AgentOperations
    observer: Observer
    reconciler: Reconciler
    retention: EventRetention
    worker: Worker
    timers: Timers
    operations: Operations
    approvals: Approvals
    schedules: Schedules
    schedule_runner: ScheduleRunner
    schedule_subscription: StreamSubscription
    commands: Commands
    lister: InstanceLister
    audit: AuditWriter


@asynccontextmanager
async def cloud_service(
    broker: NatsConnection, settings: CloudSettings, provider: Provider
) -> AsyncIterator[asyncio.Event]:
    """Run the whole service on ``broker``; yields an event that is set if a background task fails.

    Raises:
        BrokerUnusableError: the broker rejected the stream or the workers' consumer.
    """
    upkeep = _upkeep(broker, settings)
    await upkeep.create()
    clock = BrokerClock()
    await clock.start(broker, subjects.CLOUD_STREAM)
    parts = _build(broker, settings, provider, clock, upkeep)
    service = _endpoints(broker, parts, settings.stream_replicas)
    _register_metrics(broker, parts)
    async with run_tasks(
        writer=parts.writer.run(),
        subscription=parts.subscription.run(),
        directory=parts.directory_subscription.run(),
        schedules=parts.schedule_subscription.run(),
    ) as died:
        await parts.subscription.ready(_READY_SECONDS)
        await parts.directory_subscription.ready(_READY_SECONDS)
        await parts.schedule_subscription.ready(_READY_SECONDS)
        async with run_tasks(
            died,
            working=parts.working.run(),
            observer=parts.observer.run(),
            worker=parts.worker.run(),
            timers=parts.timers.run(),
            reconciler=_run_reconciler(broker, parts, settings.sweep_seconds),
            audit=parts.audit.run(),
            upkeep=upkeep.run(),
            write_probe=_write_probe(broker, upkeep).run(),
            clock=clock.run(broker, subjects.CLOUD_STREAM),
            epochs=EpochKeeper(broker, (subjects.CLOUD_STREAM,)).run(),
        ):
            await service.start()
            try:
                yield died
            finally:
                await service.stop()
                await parts.audit.drain()


async def _run_reconciler(broker: NatsConnection, parts: _Cloud, interval: float) -> None:
    """Run the periodic work while the projection is up to date."""
    duties = (
        *parts.reconciler.duties(interval),
        *parts.retention.duties(interval),
        *parts.schedule_runner.duties(interval),
    )
    live = (parts.subscription, parts.schedule_subscription)
    await run_duties("reconciler", duties, broker.metrics, enabled=lambda: all(one.live for one in live))


def _build(
    broker: NatsConnection, settings: CloudSettings, provider: Provider, clock: BrokerClock, upkeep: Upkeep
) -> _Cloud:
    projection, writer = InstanceProjection(), BatchWriter(broker)
    directory = ProviderDirectory(projection, clock)
    subscription = _subscription(
        broker,
        subjects.CLOUD_STREAM,
        (subjects.CLOUD_EVENTS,),
        projection,
        StartPolicy.STATE_THEN_EVENTS,
    )
    events = EventStore(
        projection,
        StreamReader(broker, subjects.CLOUD_STREAM),
        writer,
        clock=clock,
        operations_retention=settings.operations_retention(),
    )
    agents, late = AgentClient(broker), lateness(broker.metrics)
    working = AgentOperations(events, agents, settings.command_deadlines(), clock, late)
    deadlines = Deadlines(settings.provider_timeout_seconds, longest=settings.retention() / 2)
    decided = broker.metrics.counter(
        "operations_decided",
        "Operations that awaited approval: approved, approved alone by an admin, denied, or expired.",
        ("decision",),
    )
    runner = OperationRunner(events, provider, working, deadlines, clock=clock, decided=decided)
    catch_up = CatchUp(events, subscription)
    names = ServerNames(events, projection, catch_up)
    operations, timers = Operations(events, clock), Timers(runner, clock=clock)
    orders = OrderMaker(events, names, directory, OrderPolicy(clock, settings.delay()))
    rules = CommandRules(names, directory, PendingQuota(projection), settings.policy())
    approvals = Approvals(events, operations, timers, clock=clock, delay=settings.delay(), decided=decided)
    counter = broker.metrics.counter(
        "instances_changed_outside", "Changes of servers outside the portal that were stored.", ("type",)
    )
    stored = Stored(events, projection, names, clock, counter)

    def watch(provider_name: str) -> ProviderWatch:
        def wake(instance_id: str) -> None:
            found = projection.get(instance_id).instance
            if found is not None and found.provider == provider_name:
                working.wake(instance_id)

        grace = timedelta(seconds=settings.lost_grace_seconds)
        return ProviderWatch(
            broker,
            provider_name,
            Reconciliation(provider_name, stored, agents, grace),
            is_ready=lambda: subscription.live and directory.is_connected(provider_name),
            on_change=wake,
            interval=settings.list_seconds,
        )

    observer, audit = Observer(directory, watch), AuditWriter(broker)
    commands = Commands(events, operations, timers, orders, rules)
    change = {one: with_audit(audit, one, partial(commands.change, one)) for one in endpoints.CHANGE_INSTANCE}
    schedules = ScheduleProjection()
    projection.keep_also(schedules.oldest_needed)
    schedule_subscription = _subscription(
        broker, subjects.CLOUD_STREAM, (subjects.CLOUD_SCHEDULES,), schedules, StartPolicy.STATE
    )
    store = ScheduleStore(schedules, StreamReader(broker, subjects.CLOUD_STREAM), writer, clock)
    schedule_runner = ScheduleRunner(
        store,
        schedules,
        Servers(projection, catch_up, change),
        clock=clock,
        policy=settings.run_policy(),
        runs=broker.metrics.counter("schedule_runs", "Runs of schedules: done, or missed.", ("outcome",)),
    )

    async def on_due(message: StreamMessage) -> None:
        if subjects.is_schedule_due(message.subject):
            await schedule_runner.on_due(message)
        else:
            await runner.on_due(message)

    return _Cloud(
        projection=projection,
        subscription=subscription,
        directory=directory,
        directory_subscription=_subscription(
            broker,
            subjects.AGENTS_STREAM,
            (subjects.AGENT_RECORDS, subjects.AGENT_LEASES),
            directory,
            StartPolicy.STATE,
        ),
        writer=writer,
        runner=runner,
        working=working,
        observer=observer,
        reconciler=Reconciler(
            events, projection, runner, clock=clock, grace=settings.grace(), retention=settings.retention()
        ),
        retention=EventRetention(
            events,
            projection,
            StreamRetention(broker, subjects.CLOUD_STREAM),
            clock=clock,
            retention=settings.retention(),
            is_live=lambda: subscription.live and schedule_subscription.live,
        ),
        schedules=Schedules(store, schedules, audit, clock),
        schedule_runner=schedule_runner,
        schedule_subscription=schedule_subscription,
        worker=Worker(
            broker,
            stream=subjects.CLOUD_STREAM,
            durable=subjects.CLOUD_WORKERS,
            handle=on_due,
            on_failure=upkeep.check_now,
        ),
        timers=timers,
        operations=operations,
        approvals=approvals,
        commands=commands,
        lister=InstanceLister(catch_up, projection, subscription),
        audit=audit,
    )


def _subscription(
    broker: NatsConnection,
    stream: str,
    filters: tuple[str, ...],
    handler: StreamHandler,
    policy: StartPolicy,
) -> StreamSubscription:
    return StreamSubscription(broker, SubscriptionSpec(stream, filters, policy), handler)


def _endpoints(broker: NatsConnection, parts: _Cloud, replicas: int) -> MicroService:
    service = MicroService(
        broker,
        name=subjects.CLOUD_SERVICE,
        version=version("opsroom-cloud"),
        description="The life cycle of servers.",
        gauges=lambda: {
            **parts.projection.counts(),
            "timed": parts.timers.waiting,
            "malformed_due": parts.runner.malformed,
        },
    )
    audit, commands, operations = parts.audit, parts.commands, parts.operations
    leader = LeaderCheck(broker, subjects.operation_record(subjects.PROBE_ID), replicas=replicas)
    create, adopt = leader.confirming(commands.create), leader.confirming(commands.adopt)
    service.add(endpoints.CREATE_INSTANCE, with_audit(audit, Command.CREATE, create))
    service.add(endpoints.ADOPT_INSTANCE, with_audit(audit, Command.ADOPT, adopt))
    for command, endpoint in endpoints.CHANGE_INSTANCE.items():
        change = leader.confirming(partial(commands.change, command))
        service.add(endpoint, with_audit(audit, command, change))
    rename, label = leader.confirming(commands.rename), leader.confirming(commands.label)
    service.add(endpoints.RENAME_INSTANCE, with_audit(audit, Command.RENAME, rename))
    service.add(endpoints.LABEL_INSTANCE, with_audit(audit, Command.LABEL, label))
    cancel = with_audit(audit, AuditedAction.CANCEL, leader.confirming(operations.cancel))
    service.add(endpoints.CANCEL_OPERATION, cancel)
    approve, deny = leader.confirming(parts.approvals.approve), leader.confirming(parts.approvals.deny)
    service.add(endpoints.APPROVE_OPERATION, with_audit(audit, AuditedAction.APPROVE, approve))
    service.add(endpoints.DENY_OPERATION, with_audit(audit, AuditedAction.DENY, deny))
    schedules = parts.schedules
    service.add(endpoints.SCHEDULE, leader.confirming(schedules.create))
    service.add(endpoints.UNSCHEDULE, leader.confirming(schedules.remove))
    service.add(endpoints.SCHEDULES, schedules.list)
    service.add(endpoints.OPERATION, leader.confirming(operations.show))
    service.add(endpoints.LIST_INSTANCES, parts.lister.page)
    service.add(endpoints.PROVIDERS, parts.directory.providers)
    return service


def _register_metrics(broker: NatsConnection, parts: _Cloud) -> None:
    metrics, projection = broker.metrics, parts.projection
    metrics.gauge("instances", "Instances.", single(lambda: projection.counts()["instances"]))
    metrics.gauge(
        "operations_pending",
        "Operations that are not complete yet.",
        single(lambda: projection.counts()["pending"]),
    )
    metrics.gauge(
        "operations_awaiting_approval",
        "Operations that wait until somebody approves or denies them.",
        single(lambda: projection.counts()["awaiting"]),
    )
    metrics.counter_callback(
        "malformed",
        "Messages skipped because they fit no contract.",
        single(lambda: projection.malformed + parts.runner.malformed + parts.directory.malformed),
    )
    metrics.gauge(
        "agent_connected",
        "1 while the agent of the provider is there.",
        lambda: {(name,): float(there) for name, there in parts.directory.connections().items()},
        ("provider",),
    )
    metrics.gauge(
        "agent_operations_working",
        "Operations that this process asks agents about.",
        single(lambda: parts.working.working),
    )


def _upkeep(broker: NatsConnection, settings: CloudSettings) -> Upkeep:
    """The upkeep of the streams and the consumer that this service owns."""
    replicas = settings.stream_replicas
    events = cloud_stream(replicas=replicas)
    audit = audit_stream(max_age=settings.audit_seconds(), max_bytes=settings.audit_bytes, replicas=replicas)
    workers = WorkerConsumer(
        ack_wait=settings.provider_timeout_seconds + _ACK_MARGIN_SECONDS, max_pending=_MAX_ACK_PENDING
    )
    return Upkeep(
        broker,
        [KeptStream(events), KeptStream(audit), KeptStream(agents_stream(replicas=replicas)), workers],
        optional=probes_stream(replicas=replicas),
    )


def _write_probe(broker: NatsConnection, upkeep: Upkeep) -> WriteProbe:
    suspects = {subjects.CLOUD_STREAM: subjects.operation_record(subjects.PROBE_ID)}
    return WriteProbe(broker, subjects.CLOUD_SERVICE, suspects, exists=lambda: upkeep.has_optional)
