"""The gateway's application: middleware and routes."""

from importlib.metadata import version

from fastapi import APIRouter, FastAPI, WebSocket
from starlette.middleware.cors import CORSMiddleware

from opsroom_contracts import subjects
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http import NAME_HEADER
from opsroom_gateway.api import problem_details as problems
from opsroom_gateway.api.addresses import AddressLookup, addresses_router
from opsroom_gateway.api.audit import audit_router
from opsroom_gateway.api.bot_commands import bot_commands_router
from opsroom_gateway.api.chat_http import history_router, users_router
from opsroom_gateway.api.chat_socket.frame_requests import FrameRequests
from opsroom_gateway.api.chat_socket.replies import Heartbeats
from opsroom_gateway.api.chat_socket.session import ChatSocketContext, serve_chat_socket
from opsroom_gateway.api.chat_socket.welcomes import Welcomes
from opsroom_gateway.api.cloud.access import CommandAccess
from opsroom_gateway.api.cloud.approvals import approvals_router
from opsroom_gateway.api.cloud.batch import batch_router
from opsroom_gateway.api.cloud.catalog import catalog_router
from opsroom_gateway.api.cloud.changes import changes_router
from opsroom_gateway.api.cloud.commands import cloud_router
from opsroom_gateway.api.cloud.events import events_router
from opsroom_gateway.api.cloud.history import CloudHistoryReader, cloud_history_router
from opsroom_gateway.api.cloud.looking import looking_router
from opsroom_gateway.api.cloud.past import CloudPast
from opsroom_gateway.api.cloud.schedules import schedules_router
from opsroom_gateway.api.files import files_router
from opsroom_gateway.api.hooks import hooks_router
from opsroom_gateway.api.imports import imports_router
from opsroom_gateway.api.incidents.records import ReportRecords
from opsroom_gateway.api.incidents.routes import incidents_router
from opsroom_gateway.api.messages import Authors, messages_router, reactions_router
from opsroom_gateway.api.moderation import moderation_router, removal_router
from opsroom_gateway.api.notifications import notifications_router
from opsroom_gateway.api.on_call import on_call_router
from opsroom_gateway.api.people.bots import bots_router
from opsroom_gateway.api.people.directory import PeopleDirectory
from opsroom_gateway.api.people.links import links_router
from opsroom_gateway.api.people.routes import people_router
from opsroom_gateway.api.reads import reads_router
from opsroom_gateway.api.restrictions import RestrictionClient, restrictions_router
from opsroom_gateway.api.rooms import RoomClient, room_members_router, rooms_router
from opsroom_gateway.api.search.routes import PortalSearch, search_router
from opsroom_gateway.api.session import session_router
from opsroom_gateway.api.status import status_router
from opsroom_gateway.api.status_events import status_events_router
from opsroom_gateway.api.threads import follow_router, threads_router
from opsroom_gateway.api.webhooks import webhooks_router
from opsroom_gateway.chat.commands import ChatCommands
from opsroom_gateway.components import Components
from opsroom_gateway.domain.networks import parse_networks
from opsroom_gateway.metrics import ErrorCounterMiddleware, error_counter
from opsroom_gateway.middleware.client_address import ClientAddressMiddleware
from opsroom_gateway.middleware.head_requests import HeadMiddleware
from opsroom_gateway.middleware.input_budget import InputBudgetMiddleware
from opsroom_gateway.middleware.mounts import MountMiddleware, Mounts
from opsroom_gateway.middleware.request_checks import RequestChecks
from opsroom_gateway.middleware.root_path import RootPathMiddleware
from opsroom_gateway.middleware.security_headers import SecurityHeadersMiddleware
from opsroom_gateway.presence.device_sessions import DeviceSessions
from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.transport.input_budget import InputBudgets
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_runtime.metrics import Metrics

_REQUEST_HEADERS = (
    *("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"),
    *("If-None-Match", "If-Range", "Range"),
)
"""Headers that pages of other origins may send."""


def build_app(
    settings: GatewaySettings,
    metrics: Metrics,
    checks: RequestChecks,
    budgets: InputBudgets,
    mounts: Mounts,
) -> FastAPI:
    """Build the application with its middleware, without routes.

    ``mounts``: applications with their own CORS rules, checks and error format.
    """
    app = FastAPI(
        title="Opsroom",
        version=version("opsroom-gateway"),
        summary="One room where a team talks and runs its cloud servers.",
        docs_url=None,  # its scripts come from a CDN; the documentation has the same content
        redoc_url=None,
        servers=[{"url": settings.root_path}] if settings.root_path else None,
    )
    problems.install(app)
    _add_middleware(app, checks, mounts)
    app.add_middleware(InputBudgetMiddleware, budgets=budgets)
    app.add_middleware(
        ClientAddressMiddleware, exempt=parse_networks(settings.exempt_addresses), proxies=settings.proxies()
    )
    app.add_middleware(ErrorCounterMiddleware, counter=error_counter(metrics))
    app.add_middleware(HeadMiddleware)
    app.add_middleware(RootPathMiddleware, prefix=settings.root_path)
    return app


def _add_middleware(app: FastAPI, checks: RequestChecks, mounts: Mounts) -> None:
    """Add the middleware to ``app``; the last one added is outermost."""
    app.add_middleware(checks.protect)
    app.add_middleware(  # outside the checks, so that rejections have CORS headers as well
        CORSMiddleware,
        allow_origins=checks.origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=[*_REQUEST_HEADERS, NAME_HEADER],
        expose_headers=["Content-Disposition", "Content-Range", "ETag", "Location", "Retry-After"],
        max_age=600,
    )
    app.add_middleware(MountMiddleware, mounts=mounts)
    app.add_middleware(SecurityHeadersMiddleware)


def api_router(broker: NatsConnection, components: Components) -> APIRouter:
    """Build the router of ``/api/v1``."""
    access, projections, audit_log, requester = (
        components.access,
        components.projections,
        components.audit_log,
        components.requester,
    )
    router = APIRouter(prefix="/api/v1", responses=problems.error_responses(ErrorCode.INVALID_REQUEST))
    router.include_router(session_router(access, requester, projections.members))
    people = PeopleDirectory(projections.members, access)
    router.include_router(people_router(people, requester, access, audit_log))
    router.include_router(bots_router(people, requester, access, components.limits))
    router.include_router(links_router(requester, access, components.limits))
    authors = Authors(requester, access, components.limits)
    router.include_router(moderation_router(requester, access, audit_log))
    router.include_router(removal_router(requester, access, audit_log, authors))
    restricting = RestrictionClient(requester, projections.members_subscription)
    router.include_router(restrictions_router(restricting, access, audit_log))
    router.include_router(addresses_router(AddressLookup(broker), access, audit_log))
    router.include_router(users_router(requester, projections.members, components.limits, access))
    router.include_router(hooks_router(requester, access, audit_log))
    router.include_router(webhooks_router(requester, access, audit_log))
    router.include_router(on_call_router(requester, access, audit_log))
    router.include_router(imports_router(requester, access, audit_log, components.uploads))
    rooms = RoomClient(requester, projections.members_subscription)
    router.include_router(rooms_router(rooms, requester, access, components.limits))
    router.include_router(room_members_router(rooms, requester, access, components.limits))
    router.include_router(reads_router(requester, access, components.limits))
    router.include_router(threads_router(requester, projections.chat, access, components.limits))
    router.include_router(follow_router(requester, access, components.limits))
    commands = ChatCommands(access, components.limits, audit_log, components.bots)
    router.include_router(bot_commands_router(components.bots, access))
    router.include_router(
        notifications_router(requester, projections.members_subscription, access, components.limits)
    )
    router.include_router(messages_router(requester, access, components.limits, commands))
    router.include_router(reactions_router(requester, access, components.limits))
    router.include_router(history_router(requester, projections.chat, access))
    router.include_router(
        files_router(requester, access, components.limits, components.uploads, components.downloads)
    )
    commanding = CommandAccess(access, projections.members, components.limits, audit_log)
    events = StreamReader(broker, subjects.CLOUD_STREAM)
    _add_cloud(router, components, commanding, CloudPast(events, projections.cloud))
    audit = StreamReader(broker, subjects.AUDIT_STREAM)
    reports = ReportRecords(requester, events, audit)
    router.include_router(incidents_router(requester, access, components.limits, reports))
    cloud_history = CloudHistoryReader(events)
    router.include_router(cloud_history_router(cloud_history, projections.cloud, access))
    search = PortalSearch(requester, projections.cloud, cloud_history)
    router.include_router(search_router(search, components.limits, access))
    router.include_router(audit_router(audit, access))
    router.include_router(status_router(components.cached_status, access))
    router.include_router(status_events_router(components.status_streams, access))
    return router


def live_router(broker: NatsConnection, settings: GatewaySettings, components: Components) -> APIRouter:
    """Build the router of what clients keep open. It comes first, because routes are tried in their order.

    After a restart all clients open them at once, and to try all other routes would be a quarter of the work.
    """
    projections = components.projections
    room = _chat_room(broker, settings, components)
    router = APIRouter(prefix="/api/v1", responses=problems.error_responses(ErrorCode.INVALID_REQUEST))

    async def chat_socket(websocket: WebSocket) -> None:
        await serve_chat_socket(room, websocket)

    # A route of Starlette: FastAPI's would look for parameters, of which there are none.
    router.add_websocket_route(f"{router.prefix}/chat/ws", chat_socket)
    router.include_router(
        events_router(
            projections.cloud, projections.cloud_replayer, components.access, components.revocations
        )
    )
    return router


def _add_cloud(router: APIRouter, components: Components, commanding: CommandAccess, past: CloudPast) -> None:
    """Add the routes of servers and providers, except their past and their events."""
    projection, client = components.projections.cloud, components.cloud
    router.include_router(cloud_router(projection, client, commanding, past))
    router.include_router(changes_router(projection, client, commanding))
    router.include_router(batch_router(projection, client, commanding))
    router.include_router(approvals_router(client, commanding))
    router.include_router(schedules_router(client, commanding))
    router.include_router(catalog_router(client, components.agents, commanding))
    router.include_router(looking_router(components.server_streams, commanding))


def _chat_room(
    broker: NatsConnection, settings: GatewaySettings, components: Components
) -> ChatSocketContext:
    return ChatSocketContext(
        broker,
        FrameRequests(
            components.requester,
            components.limits,
            ChatCommands(components.access, components.limits, components.audit_log, components.bots),
        ),
        DeviceSessions(components.sessions),
        components.projections.members,
        components.projections.members_subscription,
        components.projections.chat,
        components.projections.chat_replayer,
        components.limits,
        settings,
        components.access,
        components.revocations,
        components.projections.rooms,
        components.room_notices,
        components.projections.reads,
        components.projections.of_people,
        Heartbeats(components.projections.chat_replayer.position, components.projections.chat.readers.flush),
        Welcomes(components.projections.members.users),
    )
