"""Composition root of the cloud service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from opsroom_cloud.commands.auditing import with_audit
from opsroom_cloud.components import Components, components
from opsroom_cloud.providers.provider import Provider
from opsroom_cloud.settings import CloudSettings
from opsroom_contracts import endpoints, subjects
from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.cloud.commands import Command
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.leader_check import LeaderCheck
from opsroom_messaging.jetstream.stream_epoch import EpochKeeper
from opsroom_messaging.jetstream.streams import agents_stream, audit_stream, cloud_stream, probes_stream
from opsroom_messaging.jetstream.upkeep import KeptStream, Upkeep
from opsroom_messaging.jetstream.worker import WorkerConsumer
from opsroom_messaging.jetstream.write_probe import WriteProbe
from opsroom_runtime.duties import run_duties
from opsroom_runtime.metrics import single
from opsroom_runtime.process import run_tasks

_READY_SECONDS = 60.0
_ACK_MARGIN_SECONDS = 30.0
"""Acknowledgment timeout of due messages, in addition to the provider's timeout."""
_MAX_ACK_PENDING = 20_000


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
    parts = components(broker, settings, provider, clock, upkeep)
    state = parts.state
    service = _endpoints(broker, parts, settings.stream_replicas)
    _register_metrics(broker, parts)
    async with run_tasks(
        writer=state.writer.run(),
        subscription=state.subscription.run(),
        directory=state.directory_subscription.run(),
        schedules=parts.scheduling.subscription.run(),
    ) as died:
        for one in (state.subscription, state.directory_subscription, parts.scheduling.subscription):
            await one.ready(_READY_SECONDS)
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


async def _run_reconciler(broker: NatsConnection, parts: Components, interval: float) -> None:
    """Run the periodic work while the projection is up to date."""
    duties = (
        *parts.reconciler.duties(interval),
        *parts.retention.duties(interval),
        *parts.scheduling.runner.duties(interval),
    )
    live = (parts.state.subscription, parts.scheduling.subscription)
    await run_duties("reconciler", duties, broker.metrics, enabled=lambda: all(one.live for one in live))


def _endpoints(broker: NatsConnection, parts: Components, replicas: int) -> MicroService:
    service = MicroService(
        broker,
        name=subjects.CLOUD_SERVICE,
        version=version("opsroom-cloud"),
        description="The life cycle of servers.",
        gauges=lambda: {
            **parts.state.projection.counts(),
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
    schedules = parts.scheduling.handlers
    service.add(endpoints.SCHEDULE, leader.confirming(schedules.create))
    service.add(endpoints.UNSCHEDULE, leader.confirming(schedules.remove))
    service.add(endpoints.SCHEDULES, schedules.list)
    service.add(endpoints.OPERATION, leader.confirming(operations.show))
    service.add(endpoints.LIST_INSTANCES, parts.lister.page)
    service.add(endpoints.PROVIDERS, parts.state.directory.providers)
    return service


def _register_metrics(broker: NatsConnection, parts: Components) -> None:
    metrics, projection, directory = broker.metrics, parts.state.projection, parts.state.directory
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
        single(lambda: projection.malformed + parts.runner.malformed + directory.malformed),
    )
    metrics.gauge(
        "agent_connected",
        "1 while the agent of the provider is there.",
        lambda: {(name,): float(there) for name, there in directory.connections().items()},
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
