"""The gateway put together: what talks to what, on one screen."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from opsroom_contracts import subjects
from opsroom_gateway.api import health
from opsroom_gateway.api.security import describe_access
from opsroom_gateway.api.status_service import answering
from opsroom_gateway.components import Parts, admission_of, parts_of
from opsroom_gateway.legacy.access import CourseDoor
from opsroom_gateway.legacy.chat import CourseChat
from opsroom_gateway.legacy.cloud import CourseCloud
from opsroom_gateway.legacy.impersonation_guard import Impostors
from opsroom_gateway.metrics import Hubs, measure, measure_skipped
from opsroom_gateway.middleware.shared_rate_limiter import Gossip
from opsroom_gateway.projections.projections import Feeds
from opsroom_gateway.projections.typing_relay import TypingFeed
from opsroom_gateway.routes import api, application, mount_course
from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.transport.stats import EdgeCounters
from opsroom_messaging.connection import Broker, unconnected
from opsroom_messaging.leases import GatewayLease
from opsroom_messaging.metrics import Metrics
from opsroom_messaging.process import running
from opsroom_messaging.stored import StreamReader
from opsroom_messaging.topology import await_streams

_STREAMS = (
    subjects.CHAT_STREAM,
    subjects.MEMBERS_STREAM,
    subjects.CLOUD_STREAM,
    subjects.AUDIT_STREAM,
    f"KV_{subjects.GATEWAYS_BUCKET}",
)
"""What the services make, and a gateway can't be without."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway at work: its application, and what it counts of its connections.

    ``hasten``: from now on no request waits longer than so many seconds for a service.
    """

    app: FastAPI
    counters: EdgeCounters
    died: asyncio.Event
    live: Callable[[], bool]
    hasten: Callable[[float], None]


@asynccontextmanager
async def gateway(broker: Broker, settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """The gateway at work on ``broker``, ready to serve.

    Raises:
        BrokerUnusableError: the streams are not there: the services are not running.
        SettingsError: they lack something, or contradict each other.
    """
    admission = admission_of(broker, settings)
    await await_streams(broker, _STREAMS)
    gateway_id = uuid4().hex
    lease = GatewayLease(broker, gateway_id)
    await lease.take()
    bounds = await StreamReader(broker, subjects.CHAT_STREAM).bounds()
    start = max(bounds.first, bounds.last - settings.ring_messages + 1)
    parts = parts_of(broker, settings, admission, gateway_id, start)
    course_chat, course_cloud = _course(settings, parts)
    counters = EdgeCounters()
    _show(broker.metrics, parts, counters, course_cloud)
    app = _serving(broker, settings, parts, course_chat, course_cloud)
    feeds = parts.feeds
    async with running(
        lease=lease.run(),
        chat=feeds.chat_follower.run(),
        people=feeds.people_follower.run(),
        cloud=feeds.cloud_follower.run(),
        gossip=Gossip(broker, gateway_id, parts.limits.shared).run(),
        keeper=parts.keeper.run(),
        audit=parts.audit.run(),
        tokens=parts.access.tokens.run(),
    ) as died:
        await broker.listen(subjects.TYPING, TypingFeed(feeds.people.readers).deliver)
        await feeds.ready()
        try:
            async with answering(broker, parts.look, counters, parts.access.enforcement):
                yield Gateway(app, counters, died, lambda: feeds.live, parts.requester.hasten)
        finally:
            await course_chat.stop()
            await parts.sessions.close()
            await parts.audit.drain()


def describe() -> dict[str, Any]:
    """The OpenAPI document, made without a broker: nothing of it runs."""
    broker, settings = unconnected(), GatewaySettings()
    parts = parts_of(broker, settings, admission_of(broker, settings), gateway_id="", start=1)
    return _documented(broker, settings, parts).openapi()


def _course(settings: GatewaySettings, parts: Parts) -> tuple[CourseChat, CourseCloud]:
    """Both halves of the course contract. Whoever follows people and servers does from here on."""
    people = parts.feeds.people
    chat = CourseChat(
        parts.requester,
        parts.sessions,
        (people, parts.feeds.people_follower),
        parts.feeds.chat,
        settings.course_binding_seconds,
        Impostors(people, parts.access),
    )
    for watcher in (parts.keeper.on_member, parts.sessions.on_member, chat.on_member):
        people.watch(watcher)
    cloud = CourseCloud(parts.feeds.cloud, parts.commands)
    parts.feeds.cloud.watch(cloud.on_event)
    return chat, cloud


def _show(metrics: Metrics, parts: Parts, counters: EdgeCounters, course_cloud: CourseCloud) -> None:
    feeds = parts.feeds
    measure(metrics, counters, feeds.people, _hubs(feeds, course_cloud))
    measure_skipped(metrics, (feeds.chat, feeds.people, feeds.restrictions, feeds.cloud))


def _documented(broker: Broker, settings: GatewaySettings, parts: Parts) -> FastAPI:
    """The application with all that the OpenAPI document tells of."""
    app = application(settings, broker.metrics)
    app.include_router(health.health_router(parts.requester, lambda: parts.feeds.live))
    app.include_router(api(broker, settings, parts))
    describe_access(app, parts.access)
    return app


def _serving(
    broker: Broker, settings: GatewaySettings, parts: Parts, chat: CourseChat, cloud: CourseCloud
) -> FastAPI:
    """The same, with the course contract and the page."""
    app = _documented(broker, settings, parts)
    mount_course(app, settings, CourseDoor(parts.access, parts.keeper, parts.limits, parts.here), chat, cloud)
    if settings.frontend is not None:
        app.mount("/", StaticFiles(directory=settings.frontend, html=True))
    return app


def _hubs(feeds: Feeds, course_cloud: CourseCloud) -> Hubs:
    return {
        ("chat", "websocket", "v1"): feeds.chat.readers,
        ("chat", "websocket", "course"): feeds.chat.course_readers,
        ("people", "websocket", "v1"): feeds.people.readers,
        ("cloud", "sse", "v1"): feeds.cloud.readers,
        ("cloud", "sse", "course"): course_cloud.streams,
        ("cloud", "websocket", "course"): course_cloud.sockets,
    }
