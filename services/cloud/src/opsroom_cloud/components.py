"""The components of one cloud process, and how they are connected."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

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
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.audit_log import AuditWriter
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.stream_handler import StreamHandler
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.stream_retention import StreamRetention
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_messaging.jetstream.upkeep import Upkeep
from opsroom_messaging.jetstream.worker import Worker


@dataclass(frozen=True, slots=True)
class State:
    """What the components share: the events, what is projected from them, and how more are written."""

    broker: NatsConnection
    settings: CloudSettings
    clock: BrokerClock
    writer: BatchWriter
    projection: InstanceProjection
    subscription: StreamSubscription
    events: EventStore
    catch_up: CatchUp
    names: ServerNames
    directory: ProviderDirectory
    directory_subscription: StreamSubscription


@dataclass(frozen=True, slots=True)
class Scheduling:
    """The components of schedules."""

    handlers: Schedules
    runner: ScheduleRunner
    subscription: StreamSubscription


@dataclass(frozen=True, slots=True)
class Components:
    """The components of one cloud process."""

    state: State
    scheduling: Scheduling
    runner: OperationRunner
    working: AgentOperations
    observer: Observer
    reconciler: Reconciler
    retention: EventRetention
    worker: Worker
    timers: Timers
    operations: Operations
    approvals: Approvals
    commands: Commands
    lister: InstanceLister
    audit: AuditWriter


def components(
    broker: NatsConnection, settings: CloudSettings, provider: Provider, clock: BrokerClock, upkeep: Upkeep
) -> Components:
    """Connect the components. ``upkeep`` checks the consumer of due messages when it fails."""
    state = _state(broker, settings, clock)
    agents, audit = AgentClient(broker), AuditWriter(broker)
    working = AgentOperations(
        state.events, agents, settings.command_deadlines(), clock, lateness(broker.metrics)
    )
    decided = broker.metrics.counter(
        "operations_decided",
        "Operations that awaited approval: approved, approved alone by an admin, denied, or expired.",
        ("decision",),
    )
    deadlines = Deadlines(settings.provider_timeout_seconds, longest=settings.retention() / 2)
    runner = OperationRunner(state.events, provider, working, deadlines, clock=clock, decided=decided)
    operations, timers = Operations(state.events, clock), Timers(runner, clock=clock)
    orders = OrderMaker(state.events, state.names, state.directory, OrderPolicy(clock, settings.delay()))
    rules = CommandRules(state.names, state.directory, PendingQuota(state.projection), settings.policy())
    commands = Commands(state.events, operations, timers, orders, rules)
    scheduling = _scheduling(state, commands, audit)
    worker = Worker(
        broker,
        stream=subjects.CLOUD_STREAM,
        durable=subjects.CLOUD_WORKERS,
        handle=_due_handler(runner, scheduling.runner),
        on_failure=upkeep.check_now,
    )
    return Components(
        state=state,
        scheduling=scheduling,
        runner=runner,
        working=working,
        observer=_observer(state, agents, working),
        reconciler=Reconciler(
            state.events,
            state.projection,
            runner,
            clock=clock,
            grace=settings.grace(),
            retention=settings.retention(),
        ),
        retention=_retention(state, scheduling.subscription),
        worker=worker,
        timers=timers,
        operations=operations,
        approvals=Approvals(
            state.events, operations, timers, clock=clock, delay=settings.delay(), decided=decided
        ),
        commands=commands,
        lister=InstanceLister(state.catch_up, state.projection, state.subscription),
        audit=audit,
    )


def _state(broker: NatsConnection, settings: CloudSettings, clock: BrokerClock) -> State:
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
    catch_up = CatchUp(events, subscription)
    agents = (subjects.AGENT_RECORDS, subjects.AGENT_LEASES)
    return State(
        broker=broker,
        settings=settings,
        clock=clock,
        writer=writer,
        projection=projection,
        subscription=subscription,
        events=events,
        catch_up=catch_up,
        names=ServerNames(events, projection, catch_up),
        directory=directory,
        directory_subscription=_subscription(
            broker, subjects.AGENTS_STREAM, agents, directory, StartPolicy.STATE
        ),
    )


def _observer(state: State, agents: AgentClient, working: AgentOperations) -> Observer:
    counter = state.broker.metrics.counter(
        "instances_changed_outside", "Changes of servers outside the portal that were stored.", ("type",)
    )
    stored = Stored(state.events, state.projection, state.names, state.clock, counter)
    grace = timedelta(seconds=state.settings.lost_grace_seconds)

    def watch(provider: str) -> ProviderWatch:
        def wake(instance_id: str) -> None:
            found = state.projection.get(instance_id).instance
            if found is not None and found.provider == provider:
                working.wake(instance_id)

        return ProviderWatch(
            state.broker,
            provider,
            Reconciliation(provider, stored, agents, grace),
            is_ready=lambda: state.subscription.live and state.directory.is_connected(provider),
            on_change=wake,
            interval=state.settings.list_seconds,
        )

    return Observer(state.directory, watch)


def _scheduling(state: State, commands: Commands, audit: AuditWriter) -> Scheduling:
    broker, schedules = state.broker, ScheduleProjection()
    state.projection.keep_also(schedules.oldest_needed)
    reader = StreamReader(broker, subjects.CLOUD_STREAM)
    store = ScheduleStore(schedules, reader, state.writer, state.clock)
    change = {one: with_audit(audit, one, partial(commands.change, one)) for one in endpoints.CHANGE_INSTANCE}
    return Scheduling(
        handlers=Schedules(store, schedules, audit, state.clock),
        runner=ScheduleRunner(
            store,
            schedules,
            Servers(state.projection, state.catch_up, change),
            clock=state.clock,
            policy=state.settings.run_policy(),
            runs=broker.metrics.counter("schedule_runs", "Runs of schedules: done, or missed.", ("outcome",)),
        ),
        subscription=_subscription(
            broker, subjects.CLOUD_STREAM, (subjects.CLOUD_SCHEDULES,), schedules, StartPolicy.STATE
        ),
    )


def _retention(state: State, schedules: StreamSubscription) -> EventRetention:
    return EventRetention(
        state.events,
        state.projection,
        StreamRetention(state.broker, subjects.CLOUD_STREAM),
        clock=state.clock,
        retention=state.settings.retention(),
        is_live=lambda: state.subscription.live and schedules.live,
    )


def _due_handler(
    operations: OperationRunner, schedules: ScheduleRunner
) -> Callable[[StreamMessage], Awaitable[None]]:
    """Return the handler of due messages: the time of an operation, or of a schedule, has come."""

    async def on_due(message: StreamMessage) -> None:
        if subjects.is_schedule_due(message.subject):
            await schedules.on_due(message)
        else:
            await operations.on_due(message)

    return on_due


def _subscription(
    broker: NatsConnection,
    stream: str,
    filters: tuple[str, ...],
    handler: StreamHandler,
    policy: StartPolicy,
) -> StreamSubscription:
    return StreamSubscription(broker, SubscriptionSpec(stream, filters, policy), handler)
