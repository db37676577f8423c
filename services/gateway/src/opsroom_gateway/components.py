"""What a gateway's routes stand on. Made without asking anybody anything: nothing of it runs yet."""

from dataclasses import dataclass

from opsroom_gateway.api.audit_log import NotedHere
from opsroom_gateway.api.cloud_commands import CloudCommands
from opsroom_gateway.api.status_service import Look
from opsroom_gateway.auth.authorization import Access
from opsroom_gateway.auth.factory import access, utc_now
from opsroom_gateway.auth.revocation_watcher import Keeper
from opsroom_gateway.middleware.rate_limits import Limits, limits_of
from opsroom_gateway.presence.restriction_enforcer import Enforcement
from opsroom_gateway.presence.sessions import Sessions
from opsroom_gateway.projections.projections import Feeds, feeds_of
from opsroom_gateway.projections.restrictions import RestrictionsFeed
from opsroom_gateway.settings import GatewaySettings
from opsroom_messaging.audit import Audit
from opsroom_messaging.connection import Broker
from opsroom_messaging.inspection import survey
from opsroom_messaging.requests import Requester


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may come in and do what, and the services that are asked."""

    requester: Requester
    restrictions: RestrictionsFeed
    access: Access


@dataclass(frozen=True, slots=True)
class Parts:
    """One of each."""

    requester: Requester
    access: Access
    feeds: Feeds
    sessions: Sessions
    commands: CloudCommands
    limits: Limits
    keeper: Keeper
    audit: Audit
    here: NotedHere
    look: Look


def admission_of(broker: Broker, settings: GatewaySettings) -> Admission:
    """What can be made before the streams are there, so that wrong settings are told at once.

    Raises:
        SettingsError: they lack something, or contradict each other.
    """
    requester = Requester(broker, patience=settings.patience_seconds)
    restrictions = RestrictionsFeed(utc_now)
    return Admission(requester, restrictions, access(settings, requester, Enforcement(restrictions)))


def parts_of(
    broker: Broker, settings: GatewaySettings, admission: Admission, gateway_id: str, start: int
) -> Parts:
    """The parts of the gateway ``gateway_id``. ``start``: the first message of the chat that it holds."""
    feeds = feeds_of(broker, admission.restrictions, start, settings.ring_messages)
    audit = Audit(broker)
    return Parts(
        requester=admission.requester,
        access=admission.access,
        feeds=feeds,
        sessions=Sessions(admission.requester, gateway_id),
        commands=CloudCommands(admission.requester, feeds.cloud_follower),
        limits=limits_of(settings),
        keeper=Keeper(admission.access),
        audit=audit,
        here=NotedHere(audit),
        look=Look(lambda: survey(broker)),
    )
