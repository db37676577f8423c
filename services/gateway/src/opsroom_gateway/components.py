"""The components behind the gateway's routes. Building them does no I/O."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from opsroom_gateway.agents.agent_streams import AgentStreams
from opsroom_gateway.agents.requests import AgentRequests
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.cloud.client import CloudClient
from opsroom_gateway.api.cloud.looking import ServerStreams
from opsroom_gateway.api.status_events import StatusStreams
from opsroom_gateway.api.status_service import CachedStatus
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.auth.factory import build_authorizer, static_tokens
from opsroom_gateway.auth.revocation_watcher import RevocationWatcher
from opsroom_gateway.chat.bot_commands import BotCatalog
from opsroom_gateway.files.downloads import Downloads
from opsroom_gateway.files.uploads import Uploads
from opsroom_gateway.middleware.rate_limits import Limits, build_limits
from opsroom_gateway.middleware.request_checks import RequestChecks, build_checks
from opsroom_gateway.presence.restriction_enforcer import RestrictionEnforcer
from opsroom_gateway.presence.room_notices import RoomNotices
from opsroom_gateway.presence.sessions import Sessions
from opsroom_gateway.presence.stream_viewers import StreamViewers
from opsroom_gateway.projections.projections import Projections, build_projections
from opsroom_gateway.projections.restrictions import RestrictionProjection
from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.transport.input_budget import InputBudgets
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.deployment.services_health import ServicesHealth
from opsroom_messaging.deployment.status_probe import collect_status
from opsroom_messaging.files.factory import file_store
from opsroom_messaging.jetstream.audit_log import AuditWriter


@dataclass(frozen=True, slots=True)
class AccessComponents:
    """The components that need no streams: requests to services, restrictions and authorization."""

    requester: RequestClient
    restrictions: RestrictionProjection
    access: Authorizer


@dataclass(frozen=True, slots=True)
class Components:
    """All components of a gateway."""

    requester: RequestClient
    bots: BotCatalog
    access: Authorizer
    projections: Projections
    sessions: Sessions
    room_notices: RoomNotices
    cloud: CloudClient
    agents: AgentRequests
    agent_streams: AgentStreams
    server_streams: ServerStreams
    server_viewers: StreamViewers
    uploads: Uploads
    downloads: Downloads
    limits: Limits
    input_budgets: InputBudgets
    checks: RequestChecks
    revocations: RevocationWatcher
    audit: AuditWriter
    audit_log: GatewayAuditLog
    cached_status: CachedStatus
    status_streams: StatusStreams
    services_health: ServicesHealth


def build_access(
    broker: NatsConnection, settings: GatewaySettings, clock: Callable[[], datetime]
) -> AccessComponents:
    """Build what needs no streams, so that invalid settings are reported first.

    ``clock``: compared with stored times, such as the end of a ban or of a grant.

    Raises:
        SettingsError: settings are missing or contradict each other.
    """
    requester = RequestClient(broker, timeout=settings.patience_seconds)
    restrictions, tokens = RestrictionProjection(clock), static_tokens(settings)
    enforcer = RestrictionEnforcer(restrictions, tokens.name_of)
    authorizer = build_authorizer(settings, requester, tokens, enforcer, clock)
    return AccessComponents(requester, restrictions, authorizer)


def build_components(
    broker: NatsConnection,
    settings: GatewaySettings,
    access_components: AccessComponents,
    gateway_id: str,
) -> Components:
    """Build the components of the gateway ``gateway_id``."""
    access, requester = access_components.access, access_components.requester
    projections = build_projections(broker, requester, access_components.restrictions, settings.ring_messages)
    audit = AuditWriter(broker)
    cached_status = CachedStatus(lambda: collect_status(broker))
    revocations = RevocationWatcher(access)
    files = file_store(broker, settings)
    agents = AgentRequests(requester)
    agent_streams = AgentStreams(broker, agents, access.now)
    server_viewers = StreamViewers(access, revocations, "readers of logs and statistics")
    status_viewers = StreamViewers(access, revocations, "status streams")
    return Components(
        requester=requester,
        bots=BotCatalog(requester),
        access=access,
        projections=projections,
        sessions=Sessions(requester, gateway_id),
        room_notices=RoomNotices(projections.rooms),
        cloud=CloudClient(requester, projections.cloud_subscription),
        agents=agents,
        agent_streams=agent_streams,
        server_streams=ServerStreams(agent_streams, server_viewers, projections.cloud),
        server_viewers=server_viewers,
        uploads=Uploads(requester, files, settings.upload_limits()),
        downloads=Downloads(files),
        limits=build_limits(settings),
        input_budgets=InputBudgets(settings.input()),
        checks=build_checks(settings),
        revocations=revocations,
        audit=audit,
        audit_log=GatewayAuditLog(audit),
        cached_status=cached_status,
        status_streams=StatusStreams(cached_status, status_viewers),
        services_health=ServicesHealth(broker),
    )
