"""Composition of the gateway from its components."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from fastapi import FastAPI

from opsroom_contracts import subjects
from opsroom_gateway.api import health
from opsroom_gateway.api.alerts import alerts_router
from opsroom_gateway.api.methods import matches_any
from opsroom_gateway.api.security import describe_access
from opsroom_gateway.api.status_service import serve_status
from opsroom_gateway.components import Components, build_access, build_components
from opsroom_gateway.legacy.plugin import build_plugin
from opsroom_gateway.metrics import Broadcasters, register_agent_streams, register_metrics, register_skipped
from opsroom_gateway.middleware.mounts import Mounts
from opsroom_gateway.middleware.shared_rate_limiter import RateLimitSync
from opsroom_gateway.page import PageMount
from opsroom_gateway.process_settings import ProcessSettings
from opsroom_gateway.projections.projections import Projections
from opsroom_gateway.projections.typing_relay import TypingRelay
from opsroom_gateway.routes import api_router, build_app, live_router
from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.transport.input_budget import InputBudgets
from opsroom_gateway.transport.stats import TransportStats
from opsroom_messaging.client.connection import NatsConnection, unconnected
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.lease_thread import LeaseThread
from opsroom_messaging.jetstream.leases import GatewayLease
from opsroom_messaging.jetstream.streams import wait_for_streams
from opsroom_runtime.metrics import Metrics
from opsroom_runtime.process import run_tasks

_STREAMS = (
    subjects.CHAT_STREAM,
    subjects.MEMBERS_STREAM,
    subjects.CLOUD_STREAM,
    subjects.AUDIT_STREAM,
    f"KV_{subjects.GATEWAYS_BUCKET}",
)
"""Streams that the services create and a gateway requires."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway: its application, and the counters of its connections.

    ``failed`` is set when a background task ends unexpectedly. ``problem`` returns why the gateway itself is
    not ready, or None. ``prepare_stop`` limits the seconds that requests to services may take from now on,
    and ends streams that have a task.
    """

    app: FastAPI
    stats: TransportStats
    budgets: InputBudgets
    failed: asyncio.Event
    problem: Callable[[], str | None]
    prepare_stop: Callable[[float], None]


@asynccontextmanager
async def gateway(
    broker: NatsConnection,
    settings: ProcessSettings,
    clock: BrokerClock | None = None,
    course_ports: Sequence[int] = (),
) -> AsyncIterator[Gateway]:
    """Run a gateway on ``broker``; it is ready to serve.

    ``clock``: the time that is compared with stored ends; it follows the broker's clock. Default: a new one.
    ``course_ports``: on which it listens for clients of the course's chat and dashboard alone, if at all.

    Raises:
        BrokerUnusableError: the streams don't exist because the services are not running.
        SettingsError: settings are missing or contradict each other.
        UnavailableError: the broker does not reply.
    """
    clock = clock or BrokerClock()
    access_components = build_access(broker, settings, clock)
    await wait_for_streams(broker, _STREAMS)
    await clock.start(broker, subjects.MEMBERS_STREAM)
    gateway_id = uuid4().hex
    lease = GatewayLease(broker, gateway_id)
    await lease.acquire()
    components = build_components(broker, settings, access_components, gateway_id)
    _watch_members(components)
    legacy = build_plugin(settings, components)
    stats = TransportStats()
    _register_metrics(broker.metrics, components, stats, legacy.broadcasters)
    mounts = Mounts(legacy.mounts, dict(zip(course_ports, legacy.roots, strict=False)))
    app = _full_app(broker, settings, components, mounts)
    projections = components.projections
    broker.readiness.add(projections.problem)
    async with (
        _leased_while_busy(broker, gateway_id),
        run_tasks(
            lease=lease.run(),
            clock=clock.run(broker, subjects.MEMBERS_STREAM),
            chat=projections.chat_subscription.run(),
            members=projections.members_subscription.run(),
            cloud=projections.cloud_subscription.run(),
            rate_limits=RateLimitSync(broker, gateway_id, components.limits.shared).run(),
            revocations=components.revocations.run(),
            audit=components.audit.run(),
            tokens=components.access.tokens.run(),
        ) as failed,
    ):
        typing = TypingRelay(projections.members.readers, projections.chat.readers)
        await broker.subscribe(subjects.TYPING, typing.on_message)
        await projections.ready()
        components.access.start()
        try:
            async with serve_status(broker, components.cached_status, stats, components.access.enforcer):
                yield Gateway(
                    app,
                    stats,
                    components.input_budgets,
                    failed,
                    broker.readiness.problem,
                    partial(_prepare_stop, components),
                )
        finally:
            await legacy.stop()
            await components.agent_streams.close()
            await components.sessions.close()
            await components.projections.reads.stop()
            await components.access.close()
            await components.audit.drain()


def _leased_while_busy(broker: NatsConnection, gateway_id: str) -> AbstractAsyncContextManager[None]:
    """Keep the lease while the event loop is too busy to renew it."""
    if broker.connect_again is None:
        raise AssertionError("a gateway runs on a connection to a broker")
    return LeaseThread(broker.connect_again, gateway_id).running()


def _prepare_stop(components: Components, seconds: float) -> None:
    """Limit pending service requests to ``seconds``, and end the status streams."""
    components.requester.shorten_timeouts(seconds)
    components.status_streams.stop()
    components.server_viewers.stop()


def describe() -> dict[str, Any]:
    """Build the OpenAPI document without a broker; nothing is started."""
    broker, settings = unconnected(), GatewaySettings()
    access = build_access(broker, settings, BrokerClock())
    components = build_components(broker, settings, access, "")
    return _documented_app(broker, settings, components, Mounts()).openapi()


def _watch_members(components: Components) -> None:
    components.projections.members.watch(components.revocations.on_member)
    components.projections.members.watch(components.sessions.on_member)
    components.projections.members.watch_rebuilds(partial(_compare_sessions, components))


def _compare_sessions(components: Components, renewed: bool) -> None:
    """Compare all sessions with the records, which were read again."""
    position = None if renewed else components.projections.members_subscription.last_seq
    components.sessions.compare(components.projections.members.member, position)


def _register_metrics(
    metrics: Metrics, components: Components, stats: TransportStats, mounted: Broadcasters
) -> None:
    projections = components.projections
    broadcasters = {**_broadcasters(projections), **mounted}
    register_metrics(metrics, stats, projections.members, broadcasters)
    register_agent_streams(metrics, components.agent_streams)
    register_skipped(
        metrics,
        (
            projections.chat,
            projections.members,
            projections.restrictions,
            projections.rooms,
            projections.reads,
            projections.of_people.notifications,
            projections.of_people.threads,
            projections.cloud,
        ),
    )


def _documented_app(
    broker: NatsConnection, settings: GatewaySettings, components: Components, mounts: Mounts
) -> FastAPI:
    """Build the application with everything that the OpenAPI document contains."""
    app = build_app(settings, broker.metrics, components.checks, components.input_budgets, mounts)
    app.include_router(live_router(broker, settings, components))
    app.include_router(
        health.health_router(components.requester, components.services_health, broker.readiness.problem)
    )
    app.include_router(alerts_router(components.requester, components.limits))
    app.include_router(api_router(broker, components))
    describe_access(app, components.access)
    return app


def _full_app(
    broker: NatsConnection, settings: GatewaySettings, components: Components, mounts: Mounts
) -> FastAPI:
    """Build the application with other APIs at ``mounts``, and the page."""
    app = _documented_app(broker, settings, components, mounts)
    if settings.frontend is not None:
        apis = tuple(app.routes)
        app.routes.append(PageMount(Path(settings.frontend), partial(matches_any, apis)))
    return app


def _broadcasters(projections: Projections) -> Broadcasters:
    return {
        ("chat", "websocket", "v1"): projections.chat.readers,
        ("people", "websocket", "v1"): projections.members.readers.readers,
        ("cloud", "sse", "v1"): projections.cloud.readers,
    }
