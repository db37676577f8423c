"""The gateway's application: its routes, and the edge around them."""

from importlib.metadata import version

from fastapi import APIRouter, FastAPI, WebSocket

from opsroom_contracts import subjects
from opsroom_contracts.errors import ErrorCode
from opsroom_gateway.api import problem_details as problems
from opsroom_gateway.api.addresses import Locating, addresses_router
from opsroom_gateway.api.audit import audit_router
from opsroom_gateway.api.chat_http import history_router, users_router
from opsroom_gateway.api.chat_socket.session import ChatRoom, serve_chat_socket
from opsroom_gateway.api.cloud_events import events_router
from opsroom_gateway.api.cloud_http import cloud_router
from opsroom_gateway.api.moderation import moderation_router
from opsroom_gateway.api.restrictions import Restricting, restrictions_router
from opsroom_gateway.api.session import session_router
from opsroom_gateway.api.status import status_router
from opsroom_gateway.components import Parts
from opsroom_gateway.domain.networks import networks
from opsroom_gateway.legacy.access import CourseDoor
from opsroom_gateway.legacy.chat import CourseChat
from opsroom_gateway.legacy.chat_routes import course_chat_app
from opsroom_gateway.legacy.cloud import CourseCloud
from opsroom_gateway.legacy.cloud_routes import CourseCloudApp
from opsroom_gateway.legacy.disabled import CourseOff
from opsroom_gateway.legacy.http import BareMounts, Cors
from opsroom_gateway.metrics import CountRefusals, refusals
from opsroom_gateway.middleware.client_address import Callers
from opsroom_gateway.middleware.error_response import MOUNTS
from opsroom_gateway.middleware.origin_check import Origins
from opsroom_gateway.middleware.request_limits import Bodies, BodyLimits, Crowd
from opsroom_gateway.middleware.security_headers import BrowserHeaders
from opsroom_gateway.settings import GatewaySettings
from opsroom_messaging.connection import Broker
from opsroom_messaging.metrics import Metrics
from opsroom_messaging.stored import StreamReader


def application(settings: GatewaySettings, metrics: Metrics) -> FastAPI:
    """The application with its edge, and no routes yet."""
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
    app.add_middleware(Callers, exempt=networks(settings.exempt_addresses), proxies=settings.proxies())


def api(broker: Broker, settings: GatewaySettings, parts: Parts) -> APIRouter:
    """All of ``/api/v1``."""
    access, feeds, here, requester = parts.access, parts.feeds, parts.here, parts.requester
    room = _room(broker, settings, parts)
    router = APIRouter(prefix="/api/v1", responses=problems.documented(ErrorCode.INVALID_REQUEST))
    router.include_router(session_router(access, requester))
    router.include_router(moderation_router(requester, access, here))
    restricting = Restricting(requester, feeds.people_follower)
    router.include_router(restrictions_router(restricting, access, here))
    router.include_router(addresses_router(Locating(broker), access, here))
    router.include_router(users_router(requester, feeds.people, parts.limits, access))
    router.include_router(history_router(requester, access))
    router.include_router(cloud_router(feeds.cloud, parts.commands, access, parts.limits, here))
    router.include_router(audit_router(StreamReader(broker, subjects.AUDIT_STREAM), access))
    router.include_router(status_router(parts.look, access))
    router.include_router(events_router(feeds.cloud, feeds.cloud_past, access, parts.keeper))

    @router.websocket("/chat/ws")
    async def chat_socket(websocket: WebSocket) -> None:
        await serve_chat_socket(room, websocket)

    return router


def _room(broker: Broker, settings: GatewaySettings, parts: Parts) -> ChatRoom:
    return ChatRoom(
        broker,
        parts.requester,
        parts.sessions,
        parts.feeds.people,
        parts.feeds.people_follower,
        parts.feeds.chat,
        parts.feeds.chat_past,
        parts.limits,
        settings,
        parts.access,
        parts.keeper,
    )


def mount_course(
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
