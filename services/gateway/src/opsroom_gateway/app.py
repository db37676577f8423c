"""The gateway put together: what talks to what, on one screen."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, FastAPI, WebSocket
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from opsroom_contracts import subjects
from opsroom_contracts.errors import ErrorCode
from opsroom_gateway import health, problems
from opsroom_gateway.api.addresses import Locating, addresses_router
from opsroom_gateway.api.audit import audit_router
from opsroom_gateway.api.chat_http import history_router, users_router
from opsroom_gateway.api.chat_socket import ChatRoom, serve_chat_socket
from opsroom_gateway.api.cloud_events import events_router
from opsroom_gateway.api.cloud_http import cloud_router
from opsroom_gateway.api.moderation import moderation_router
from opsroom_gateway.api.restrictions import Restricting, restrictions_router
from opsroom_gateway.api.security import describe_access
from opsroom_gateway.api.session import session_router
from opsroom_gateway.api.status import status_router
from opsroom_gateway.cloud_commands import CloudCommands
from opsroom_gateway.counters import EdgeCounters
from opsroom_gateway.course.chat import CourseChat
from opsroom_gateway.course.chat_app import course_chat_app
from opsroom_gateway.course.cloud import CourseCloud
from opsroom_gateway.course.cloud_app import CourseCloudApp
from opsroom_gateway.course.door import CourseDoor
from opsroom_gateway.course.http import BareMounts, Cors
from opsroom_gateway.course.impostors import Impostors
from opsroom_gateway.course.off import CourseOff
from opsroom_gateway.edge.browser_headers import BrowserHeaders
from opsroom_gateway.edge.callers import Callers, networks
from opsroom_gateway.edge.door import Bodies, BodyLimits, Crowd
from opsroom_gateway.edge.limits import Limits, limits_of
from opsroom_gateway.edge.origins import Origins
from opsroom_gateway.edge.rates import Gossip
from opsroom_gateway.edge.refusals import MOUNTS
from opsroom_gateway.enforcement import Enforcement
from opsroom_gateway.feeds import Feeds, feeds_of
from opsroom_gateway.identity.build import access as access_of
from opsroom_gateway.identity.build import utc_now
from opsroom_gateway.identity.keeper import Keeper
from opsroom_gateway.identity.principals import Access
from opsroom_gateway.look import Look, answering
from opsroom_gateway.measures import CountRefusals, Hubs, measure, measure_skipped, refusals
from opsroom_gateway.noted_here import NotedHere
from opsroom_gateway.restrictions_feed import RestrictionsFeed
from opsroom_gateway.sessions import Sessions
from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.typing_feed import TypingFeed
from opsroom_messaging.audit import Audit
from opsroom_messaging.connection import Broker, unconnected
from opsroom_messaging.inspection import survey
from opsroom_messaging.leases import GatewayLease
from opsroom_messaging.metrics import Metrics
from opsroom_messaging.process import running
from opsroom_messaging.requests import Requester
from opsroom_messaging.stored import StreamReader
from opsroom_messaging.topology import await_streams


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
    requester = Requester(broker, patience=settings.patience_seconds)
    restrictions = RestrictionsFeed(utc_now)
    access = access_of(settings, requester, Enforcement(restrictions))
    app = _application(settings, broker.metrics)
    await await_streams(
        broker,
        (
            subjects.CHAT_STREAM,
            subjects.MEMBERS_STREAM,
            subjects.CLOUD_STREAM,
            subjects.AUDIT_STREAM,
            f"KV_{subjects.GATEWAYS_BUCKET}",
        ),
    )
    gateway_id = uuid4().hex
    lease = GatewayLease(broker, gateway_id)
    await lease.take()
    bounds = await StreamReader(broker, subjects.CHAT_STREAM).bounds()
    ring = settings.ring_messages
    feeds = feeds_of(broker, restrictions, max(bounds.first, bounds.last - ring + 1), ring)
    limits = limits_of(settings)
    keeper = Keeper(access)
    sessions = Sessions(requester, gateway_id)
    course_chat = CourseChat(
        requester,
        sessions,
        (feeds.people, feeds.people_follower),
        feeds.chat,
        settings.course_binding_seconds,
        Impostors(feeds.people, access),
    )
    for watcher in (keeper.on_member, sessions.on_member, course_chat.on_member):
        feeds.people.watch(watcher)
    commands = CloudCommands(requester, feeds.cloud_follower)
    course_cloud = CourseCloud(feeds.cloud, commands)
    feeds.cloud.watch(course_cloud.on_event)
    counters = EdgeCounters()
    measure(broker.metrics, counters, feeds.people, _hubs(feeds, course_cloud))
    measure_skipped(broker.metrics, (feeds.chat, feeds.people, restrictions, feeds.cloud))
    app.include_router(health.health_router(requester, lambda: feeds.live))
    audit = Audit(broker)
    here = NotedHere(audit)
    shared = (requester, sessions, commands, limits)
    look = Look(lambda: survey(broker))
    app.include_router(_api(broker, settings, feeds, shared, (access, keeper, here, look)))
    describe_access(app, access)
    door = CourseDoor(access, keeper, limits, here)
    _mount_course(app, settings, door, course_chat, course_cloud)
    if settings.frontend is not None:
        app.mount("/", StaticFiles(directory=settings.frontend, html=True))
    async with running(
        lease=lease.run(),
        chat=feeds.chat_follower.run(),
        people=feeds.people_follower.run(),
        cloud=feeds.cloud_follower.run(),
        gossip=Gossip(broker, gateway_id, limits.shared).run(),
        keeper=keeper.run(),
        audit=audit.run(),
        tokens=access.tokens.run(),
    ) as died:
        await broker.listen(subjects.TYPING, TypingFeed(feeds.people.readers).deliver)
        await feeds.ready()
        try:
            async with answering(broker, look, counters, access.enforcement):
                yield Gateway(app, counters, died, lambda: feeds.live, requester.hasten)
        finally:
            await course_chat.stop()
            await sessions.close()
            await audit.drain()


def _mount_course(
    app: FastAPI, settings: GatewaySettings, door: CourseDoor, chat: CourseChat, cloud: CourseCloud
) -> None:
    """Serve the course contract, or say that it is off."""
    if not settings.serves_course():
        app.mount("/chat", CourseOff())
        app.mount("/cloud", CourseOff())
        return
    enforcement, idle = door.access.enforcement, settings.course_idle_seconds
    app.mount("/chat", course_chat_app(chat, door.limits, enforcement, idle_seconds=idle))
    dashboard = CourseCloudApp(cloud, door.limits, door, envelope=settings.course_cloud_envelope)
    app.mount("/cloud", dashboard.asgi())


def describe() -> dict[str, Any]:
    """The OpenAPI document, made without a broker: nothing of it runs."""
    broker, settings = unconnected(), GatewaySettings()
    restrictions = RestrictionsFeed(utc_now)
    feeds = feeds_of(broker, restrictions, 1, settings.ring_messages)
    requester = Requester(broker)
    commands = CloudCommands(requester, feeds.cloud_follower)
    services = (requester, Sessions(requester, ""), commands, limits_of(settings))
    app = _application(settings, broker.metrics)
    app.include_router(health.health_router(requester, lambda: False))
    access = access_of(settings, requester, Enforcement(restrictions))
    identity = (access, Keeper(access), NotedHere(Audit(broker)), Look(lambda: survey(broker)))
    app.include_router(_api(broker, settings, feeds, services, identity))
    describe_access(app, access)
    return app.openapi()


def _hubs(feeds: Feeds, course_cloud: CourseCloud) -> Hubs:
    return {
        ("chat", "websocket", "v1"): feeds.chat.readers,
        ("chat", "websocket", "course"): feeds.chat.course_readers,
        ("people", "websocket", "v1"): feeds.people.readers,
        ("cloud", "sse", "v1"): feeds.cloud.readers,
        ("cloud", "sse", "course"): course_cloud.streams,
        ("cloud", "websocket", "course"): course_cloud.sockets,
    }


def _application(settings: GatewaySettings, metrics: Metrics) -> FastAPI:
    app = FastAPI(
        title="Opsroom",
        version=version("opsroom-gateway"),
        summary="One room where a team talks and runs its cloud servers.",
        docs_url=None,  # its scripts come from elsewhere; the documentation shows the same
        redoc_url=None,
    )
    problems.install(app)
    _guard(app, settings)
    app.add_middleware(CountRefusals, counter=refusals(metrics))
    return app


def _guard(app: FastAPI, settings: GatewaySettings) -> None:
    """Put the edge around ``app``. What is added last is outermost."""
    app.add_middleware(
        Bodies, limits=BodyLimits(settings.body_bytes, settings.json_depth, settings.body_seconds)
    )
    app.add_middleware(Crowd, limit=settings.connections_per_address)
    app.add_middleware(Origins, allowed=settings.origins())
    app.add_middleware(Cors, mounts=MOUNTS, allowed_origins=settings.origins())
    app.add_middleware(BrowserHeaders)
    app.add_middleware(BareMounts, mounts=MOUNTS)
    app.add_middleware(
        Callers, exempt=networks(settings.exempt_addresses), behind_proxy=bool(settings.trusted_proxies)
    )
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))


def _api(
    broker: Broker,
    settings: GatewaySettings,
    feeds: Feeds,
    services: tuple[Requester, Sessions, CloudCommands, Limits],
    identity: tuple[Access, Keeper, NotedHere, Look],
) -> APIRouter:
    requester, sessions, commands, limits = services
    access, keeper, here, look = identity
    room = ChatRoom(
        broker,
        requester,
        sessions,
        feeds.people,
        feeds.people_follower,
        feeds.chat,
        feeds.chat_past,
        limits,
        settings,
        access,
        keeper,
    )
    router = APIRouter(prefix="/api/v1", responses=problems.documented(ErrorCode.INVALID_REQUEST))
    router.include_router(session_router(access, requester))
    router.include_router(moderation_router(requester, access, here))
    restricting = Restricting(requester, feeds.people_follower)
    router.include_router(restrictions_router(restricting, access, here))
    router.include_router(addresses_router(Locating(broker), access, here))
    router.include_router(users_router(requester, feeds.people, limits, access))
    router.include_router(history_router(requester, access))
    router.include_router(cloud_router(feeds.cloud, commands, access, limits, here))
    router.include_router(audit_router(StreamReader(broker, subjects.AUDIT_STREAM), access))
    router.include_router(status_router(look, access))
    router.include_router(events_router(feeds.cloud, feeds.cloud_past, access, keeper))

    @router.websocket("/chat/ws")
    async def chat_socket(websocket: WebSocket) -> None:
        await serve_chat_socket(room, websocket)

    return router
