"""The port between the gateway and the course contract: all that the gateway knows of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp

from opsroom_gateway.components import Components
from opsroom_gateway.legacy.access import LegacyAccess
from opsroom_gateway.legacy.chat import CourseChat
from opsroom_gateway.legacy.chat_routes import course_chat_app
from opsroom_gateway.legacy.cloud import CourseCloud
from opsroom_gateway.legacy.cloud_routes import CourseCloudApp
from opsroom_gateway.legacy.disabled import LegacyDisabled
from opsroom_gateway.legacy.impersonation_guard import ImpersonationGuard
from opsroom_gateway.legacy.message_encoder import LegacyMessageEncoder
from opsroom_gateway.legacy.mount import chat_error, cloud_error, mounted
from opsroom_gateway.legacy.settings import LegacySettings
from opsroom_gateway.metrics import Broadcasters

_CHAT: Final = "/chat"
_CLOUD: Final = "/cloud"
_DASHBOARD: Final = "/dashboard"
"""The same as ``/cloud``, for clients that read the old server's envelope."""


@dataclass(frozen=True, slots=True)
class LegacyPlugin:
    """The course contract as a part of a gateway.

    ``mounts``: an application for each path prefix, with its own CORS rules and error format.
    ``roots``: the chat and the dashboard as the old servers had them, each on a port without a prefix.
    ``broadcasters``: its readers, for the metrics.
    ``stop``: cancels its background tasks.
    """

    mounts: Mapping[str, ASGIApp]
    roots: tuple[ASGIApp, ASGIApp]
    broadcasters: Broadcasters
    stop: Callable[[], Awaitable[None]]


def build_plugin(settings: LegacySettings, components: Components) -> LegacyPlugin:
    """Build both halves of the contract, and connect them to the projections that they follow.

    While the contract is disabled, its mounts reject everything. The rest stays as it is.
    """
    encoder = LegacyMessageEncoder()
    chat = _build_chat(settings, components, encoder)
    cloud = CourseCloud(components.projections.cloud, components.cloud)
    components.projections.chat.add_encoder(encoder)
    components.projections.members.watch(chat.on_member)
    components.projections.cloud.watch(cloud.on_event, cloud.on_rebuilt)
    broadcasters = {
        ("chat", "websocket", "course"): encoder.readers,
        ("cloud", "sse", "course"): cloud.streams,
        ("cloud", "websocket", "course"): cloud.sockets,
    }
    mounts = _mounts(settings, components, chat, cloud)
    return LegacyPlugin(mounts, (mounts[_CHAT], mounts[_DASHBOARD]), broadcasters, chat.stop)


def _build_chat(
    settings: LegacySettings, components: Components, encoder: LegacyMessageEncoder
) -> CourseChat:
    members = components.projections.members
    guard = ImpersonationGuard(components.access)
    members.watch(guard.on_member)
    return CourseChat(
        components.requester,
        components.sessions,
        (members, components.projections.members_subscription),
        encoder.readers,
        settings.course_binding_seconds,
        guard,
    )


def _mounts(
    settings: LegacySettings, components: Components, chat: CourseChat, cloud: CourseCloud
) -> Mapping[str, ASGIApp]:
    chat_app: ASGIApp
    cloud_app: ASGIApp
    dashboard_app: ASGIApp
    if settings.serves_course(components.access.mode):
        access = LegacyAccess(
            components.access, components.revocations, components.limits, components.audit_log
        )
        chat_app = course_chat_app(
            chat, components.limits, components.access.enforcer, idle_seconds=settings.course_idle_seconds
        )
        cloud_app, dashboard_app = (
            CourseCloudApp(cloud, components.limits, access, envelope=envelope).asgi()
            for envelope in (settings.course_cloud_envelope, True)
        )
    else:
        chat_app = cloud_app = dashboard_app = LegacyDisabled()
    return {
        _CHAT: mounted(chat_app, components.checks, chat_error),
        _CLOUD: mounted(cloud_app, components.checks, cloud_error),
        _DASHBOARD: mounted(dashboard_app, components.checks, cloud_error),
    }
