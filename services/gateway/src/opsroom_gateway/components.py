"""What a gateway's routes stand on. Made without asking anybody anything: nothing of it runs yet."""

from dataclasses import dataclass

from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.cloud_commands import CloudCommands
from opsroom_gateway.api.status_service import CachedStatus
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.auth.factory import build_authorizer, utc_now
from opsroom_gateway.auth.revocation_watcher import RevocationWatcher
from opsroom_gateway.middleware.rate_limits import Limits, build_limits
from opsroom_gateway.presence.restriction_enforcer import RestrictionEnforcer
from opsroom_gateway.presence.sessions import Sessions
from opsroom_gateway.projections.projections import Projections, build_projections
from opsroom_gateway.projections.restrictions import RestrictionProjection
from opsroom_gateway.settings import GatewaySettings
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.deployment.status_probe import collect_status
from opsroom_messaging.jetstream.audit_log import Audit


@dataclass(frozen=True, slots=True)
class AccessComponents:
    """Who may come in and do what, and the services that are asked."""

    requester: RequestClient
    restrictions: RestrictionProjection
    access: Authorizer


@dataclass(frozen=True, slots=True)
class Components:
    """One of each."""

    requester: RequestClient
    access: Authorizer
    projections: Projections
    sessions: Sessions
    commands: CloudCommands
    limits: Limits
    revocations: RevocationWatcher
    audit: Audit
    audit_log: GatewayAuditLog
    cached_status: CachedStatus


def build_access(broker: NatsConnection, settings: GatewaySettings) -> AccessComponents:
    """What can be made before the streams are there, so that wrong settings are told at once.

    Raises:
        SettingsError: they lack something, or contradict each other.
    """
    requester = RequestClient(broker, patience=settings.patience_seconds)
    restrictions = RestrictionProjection(utc_now)
    return AccessComponents(
        requester, restrictions, build_authorizer(settings, requester, RestrictionEnforcer(restrictions))
    )


def build_components(
    broker: NatsConnection,
    settings: GatewaySettings,
    access_components: AccessComponents,
    gateway_id: str,
    start: int,
) -> Components:
    """The parts of the gateway ``gateway_id``. ``start``: the first message of the chat that it holds."""
    projections = build_projections(broker, access_components.restrictions, start, settings.ring_messages)
    audit = Audit(broker)
    return Components(
        requester=access_components.requester,
        access=access_components.access,
        projections=projections,
        sessions=Sessions(access_components.requester, gateway_id),
        commands=CloudCommands(access_components.requester, projections.cloud_subscription),
        limits=build_limits(settings),
        revocations=RevocationWatcher(access_components.access),
        audit=audit,
        audit_log=GatewayAuditLog(audit),
        cached_status=CachedStatus(lambda: collect_status(broker)),
    )
