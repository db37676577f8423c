"""NATS permissions: one user per service or agent, limited to the subjects that it uses.

The broker's configuration is generated from this table: for the embedded broker at its start, for others by
``python -m opsroom_messaging.deployment.broker_accounts``. A new subject needs a line here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsroom_contracts import endpoints, subjects
from opsroom_contracts.agents.endpoints import AGENT_SERVICE, agent_endpoints
from opsroom_contracts.cloud.commands import COMMANDS, Command
from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.incidents.bot_commands import bot_subject
from opsroom_messaging.deployment.private_files import OPERATOR, SHARED_AGENT, bot_of, provider_of

GATEWAY = subjects.GATEWAY_SERVICE
SERVICES = (
    GATEWAY,
    subjects.CHAT_SERVICE,
    subjects.CLOUD_SERVICE,
    subjects.INCIDENTS_SERVICE,
    SHARED_AGENT,
)
USERS = (*SERVICES, OPERATOR)
"""The users without those of `agent_user`, which are for one provider each."""

_GATEWAYS_STREAM = f"KV_{subjects.GATEWAYS_BUCKET}"
MONITORED_STREAMS = (subjects.CHAT_STREAM, subjects.MEMBERS_STREAM, subjects.CLOUD_STREAM, _GATEWAYS_STREAM)
"""The required streams, whose state the status reports."""
_REPLY_SECONDS = 30
"""A service may reply to a request for this long."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """The subjects that a user may publish and subscribe.

    ``denied``: exceptions of ``publish``, for what a wildcard of it must not include.
    ``allow_responses``: it may also publish one reply to each request.
    """

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    denied: tuple[str, ...] = ()
    allow_responses: bool = False

    def configuration(self) -> dict[str, Any]:
        """The ``permissions`` section of a user in nats-server's configuration."""
        publish = {"allow": list(self.publish)}
        if self.denied:
            publish["deny"] = list(self.denied)
        rules: dict[str, Any] = {"publish": publish, "subscribe": {"allow": list(self.subscribe)}}
        if self.allow_responses:
            rules["allow_responses"] = {"max": 1, "expires": f"{_REPLY_SECONDS}s"}
        return rules


def permissions(user: str) -> Permissions:
    """The permissions of ``user``, one of ``USERS``, or the user of one provider's agent or of one bot."""
    bot = bot_of(user)
    if bot is not None:
        return _bot(bot)
    provider = provider_of(user)
    return _PERMISSIONS[user] if provider is None else _agent(user, provider)


def authorization(passwords: Mapping[str, str]) -> dict[str, Any]:
    """The ``authorization`` section of the configuration, with the users in ``passwords`` and no others."""
    return {
        "users": [
            {
                "user": user,
                "password": password,
                "permissions": permissions(user).configuration(),
            }
            for user, password in passwords.items()
        ]
    }


def _inbox(user: str) -> str:
    return f"_INBOX.{user}.>"


def _subscribe(stream: str) -> tuple[str, ...]:
    """Subjects for a subscription to ``stream``.

    The consumer has a random name, which is in the subject: without it, the name in the payload could be that
    of any consumer. Nobody deletes one, because that would have to be allowed for all names; the broker
    deletes it when nobody listens any more.
    """
    return (
        f"$JS.API.STREAM.INFO.{stream}",
        f"$JS.API.CONSUMER.CREATE.{stream}.*",
        f"$JS.FC.{stream}.>",
    )


def _read(stream: str) -> tuple[str, ...]:
    """Subjects for reading pages of ``stream``."""
    return (f"$JS.API.DIRECT.GET.{stream}", f"$JS.API.STREAM.MSG.GET.{stream}")


def _take(consumer: str) -> tuple[str, ...]:
    """Subjects for creating a durable consumer, and for taking messages from it; its stream comes first."""
    return (
        f"$JS.API.CONSUMER.DURABLE.CREATE.{consumer}",
        f"$JS.API.CONSUMER.INFO.{consumer}",
        f"$JS.API.CONSUMER.MSG.NEXT.{consumer}",
        f"$JS.ACK.{consumer}.>",
    )


def _create(stream: str) -> tuple[str, ...]:
    """Subjects for creating ``stream`` and changing its configuration."""
    return (
        f"$JS.API.STREAM.CREATE.{stream}",
        f"$JS.API.STREAM.UPDATE.{stream}",
        f"$JS.API.STREAM.INFO.{stream}",
    )


def _subjects(service: str) -> tuple[str, ...]:
    return tuple(endpoint.subject for endpoint in endpoints.endpoints_of(service))


def _service(name: str) -> tuple[str, ...]:
    """The subjects to which a service of ``nats.micro`` subscribes."""
    return (*_subjects(name), *_discovery(name), _inbox(name))


def _discovery(name: str) -> tuple[str, ...]:
    verbs = ("PING", "INFO", "STATS")
    return tuple(f"$SRV.{verb}{rest}" for verb in verbs for rest in ("", f".{name}", f".{name}.*"))


_ALL = "*"
"""In place of a provider's name in a subject."""


def _agent(user: str, provider: str) -> Permissions:
    """What the agent of ``provider`` may do; with ``_ALL``, that of any provider."""
    return Permissions(
        publish=(
            subjects.agent_record(provider),
            subjects.agent_lease(provider),
            subjects.provider_changes(provider),
            subjects.provider_stream(provider, "*"),
            "$JS.API.INFO",
            f"$JS.API.STREAM.INFO.{subjects.AGENTS_STREAM}",
            *_read(subjects.AGENTS_STREAM),
        ),
        subscribe=(
            *(one.subject for one in agent_endpoints(provider).all()),
            *_discovery(AGENT_SERVICE),
            _inbox(user),
        ),
        allow_responses=True,
    )


def _bot(bot: str) -> Permissions:
    """What a bot may do: describe itself, and answer those who ask it. It can't ask anybody."""
    return Permissions(
        publish=(),
        subscribe=(bot_subject(bot, "*"), *_discovery(bot)),
        denied=(">",),
        allow_responses=True,
    )


_NOT_FOR_GATEWAYS = frozenset({endpoints.CARD.subject, endpoints.ROOM_ACCESS.subject})
_PROVIDERS = agent_endpoints(_ALL)
_COMMANDED: tuple[Endpoint[Any, Any], ...] = (
    endpoints.CREATE_INSTANCE,
    *(endpoints.CHANGE_INSTANCE[command] for command in COMMANDS if command is not Command.CREATE),
    endpoints.CANCEL_OPERATION,
    endpoints.APPROVE_OPERATION,
    endpoints.DENY_OPERATION,
    endpoints.OPERATION,
    endpoints.LIST_INSTANCES,
    endpoints.SCHEDULE,
    endpoints.UNSCHEDULE,
    endpoints.SCHEDULES,
)
"""What commands of the chat ask of the cloud service."""
_WORKERS = f"{subjects.CLOUD_STREAM}.{subjects.CLOUD_WORKERS}"
_NOT_THE_WORKERS = (f"$JS.API.CONSUMER.CREATE.{_WORKERS}",)
_COMMANDS = f"{subjects.CHAT_STREAM}.{subjects.COMMAND_WORKERS}"
_NOT_THE_COMMANDS = (f"$JS.API.CONSUMER.CREATE.{_COMMANDS}",)
"""The shared consumers have the only names that are not random. Their owners create them otherwise."""

_PERMISSIONS = {
    GATEWAY: Permissions(
        publish=(
            *(one for one in _subjects(subjects.CHAT_SERVICE) if one not in _NOT_FOR_GATEWAYS),
            *_subjects(subjects.CLOUD_SERVICE),
            *_subjects(subjects.INCIDENTS_SERVICE),
            *(one.subject for one in (_PROVIDERS.logs, _PROVIDERS.stats, _PROVIDERS.more)),
            _PROVIDERS.adoptable.subject,
            subjects.TYPING,
            subjects.GATEWAY_RATE_LIMITS,
            endpoints.KNOWN_ADDRESSES.subject,
            f"$SRV.PING.{subjects.CHAT_SERVICE}",
            f"$SRV.PING.{subjects.CLOUD_SERVICE}",
            "$SRV.STATS",
            "$JS.API.INFO",
            f"$KV.{subjects.GATEWAYS_BUCKET}.*",
            f"$JS.API.STREAM.INFO.{_GATEWAYS_STREAM}",
            *_read(subjects.CHAT_STREAM),
            subjects.CHUNKS,
            *_read(subjects.FILES_STREAM),
            *_read(subjects.CLOUD_STREAM),
            subjects.AUDIT_REFUSED,
            subjects.AUDIT_OF_GATEWAYS,
            f"$JS.API.STREAM.INFO.{subjects.AUDIT_STREAM}",
            *_read(subjects.AUDIT_STREAM),
            *_subscribe(subjects.CHAT_STREAM),
            *_subscribe(subjects.MEMBERS_STREAM),
            *_subscribe(subjects.CLOUD_STREAM),
            *(f"$JS.API.CONSUMER.LIST.{stream}" for stream in MONITORED_STREAMS),
        ),
        denied=(*_NOT_THE_WORKERS, *_NOT_THE_COMMANDS),
        subscribe=(
            subjects.TYPING,
            subjects.GATEWAY_RATE_LIMITS,
            subjects.PROVIDER_STREAMS,
            *_service(GATEWAY),
        ),
        allow_responses=True,
    ),
    subjects.CHAT_SERVICE: Permissions(
        publish=(
            subjects.CHAT_EVENTS,
            subjects.CHAT_ERASURES,
            subjects.CHAT_FILES,
            subjects.CHAT_COMMANDS,
            subjects.MEMBERS,
            subjects.NAMES,
            subjects.RESTRICTIONS,
            subjects.ROOM_RECORDS,
            subjects.ROOM_NAMES,
            subjects.MEMBERSHIPS,
            subjects.READS,
            subjects.FOLLOWS,
            subjects.NOTIFICATIONS,
            subjects.PUSH_DEVICES,
            subjects.PUSH_STATE,
            subjects.MODERATED,
            subjects.AUDIT_ACCEPTED,
            subjects.AUDIT_REFUSED,
            subjects.probe_subject(subjects.CHAT_SERVICE, "*"),
            "$JS.API.INFO",
            *_create(subjects.CHAT_STREAM),
            *_read(subjects.CHAT_STREAM),
            f"$JS.API.STREAM.MSG.DELETE.{subjects.CHAT_STREAM}",
            *_subscribe(subjects.CHAT_STREAM),
            *_create(subjects.FILES_STREAM),
            *_read(subjects.FILES_STREAM),
            f"$JS.API.STREAM.MSG.DELETE.{subjects.FILES_STREAM}",
            *_create(subjects.MEMBERS_STREAM),
            *_read(subjects.MEMBERS_STREAM),
            *_subscribe(subjects.MEMBERS_STREAM),
            *_create(_GATEWAYS_STREAM),
            *_read(_GATEWAYS_STREAM),
            *_create(subjects.PROBES_STREAM),
        ),
        denied=_NOT_THE_COMMANDS,
        subscribe=_service(subjects.CHAT_SERVICE),
        allow_responses=True,
    ),
    subjects.CLOUD_SERVICE: Permissions(
        publish=(
            subjects.CLOUD_EVENTS,
            subjects.CLOUD_TIMERS,
            subjects.CLOUD_OPERATIONS,
            subjects.CLOUD_NAMES,
            subjects.CLOUD_SCHEDULES,
            subjects.AUDIT_ACCEPTED,
            subjects.AUDIT_REFUSED,
            subjects.probe_subject(subjects.CLOUD_SERVICE, "*"),
            "$JS.API.INFO",
            *_take(_WORKERS),
            *_create(subjects.CLOUD_STREAM),
            *_read(subjects.CLOUD_STREAM),
            *_subscribe(subjects.CLOUD_STREAM),
            f"$JS.API.STREAM.PURGE.{subjects.CLOUD_STREAM}",
            *_create(subjects.AUDIT_STREAM),
            *_create(subjects.PROBES_STREAM),
            *(one.subject for one in (_PROVIDERS.apply, _PROVIDERS.observe, _PROVIDERS.list)),
            *_create(subjects.AGENTS_STREAM),
            *_read(subjects.AGENTS_STREAM),
            *_subscribe(subjects.AGENTS_STREAM),
        ),
        denied=_NOT_THE_WORKERS,
        subscribe=(subjects.PROVIDER_CHANGES, *_service(subjects.CLOUD_SERVICE)),
        allow_responses=True,
    ),
    subjects.INCIDENTS_SERVICE: Permissions(
        publish=(
            subjects.COMMAND_PLANS,
            subjects.OPEN_COMMANDS,
            subjects.LAST_COMMANDS,
            subjects.HOOKS,
            subjects.HOOK_SECRETS,
            subjects.WEBHOOKS,
            subjects.WEBHOOK_PROGRESS,
            subjects.CARDS,
            subjects.ROTAS,
            subjects.ESCALATIONS,
            subjects.ESCALATION_TIMERS,
            subjects.INCIDENT_RECORDS,
            subjects.UNSAID_CHANGES,
            *(one.subject for one in (endpoints.ROOMS, endpoints.THREAD, endpoints.MAY_SEND)),
            endpoints.REPLY.subject,
            endpoints.CARD.subject,
            endpoints.ROOM_ACCESS.subject,
            *(one.subject for one in _COMMANDED),
            _PROVIDERS.logs.subject,
            _PROVIDERS.more.subject,
            bot_subject("*", "*"),
            "$SRV.INFO",
            "$SRV.INFO.*",
            subjects.AUDIT_ACCEPTED,
            subjects.AUDIT_REFUSED,
            subjects.probe_subject(subjects.INCIDENTS_SERVICE, "*"),
            "$JS.API.INFO",
            f"$JS.API.STREAM.INFO.{subjects.CHAT_STREAM}",
            *_take(f"{subjects.CHAT_STREAM}.*"),
            *_take(f"{subjects.CLOUD_STREAM}.*"),
            *_take(f"{subjects.INCIDENTS_STREAM}.*"),
            f"$JS.API.STREAM.INFO.{subjects.CLOUD_STREAM}",
            *_read(subjects.CHAT_STREAM),
            *_read(subjects.CLOUD_STREAM),
            *_create(subjects.INCIDENTS_STREAM),
            *_read(subjects.INCIDENTS_STREAM),
            *_subscribe(subjects.INCIDENTS_STREAM),
            *_create(subjects.PROBES_STREAM),
        ),
        denied=_take(_WORKERS),
        subscribe=(subjects.PROVIDER_STREAMS, *_service(subjects.INCIDENTS_SERVICE)),
        allow_responses=True,
    ),
    SHARED_AGENT: _agent(SHARED_AGENT, _ALL),
    OPERATOR: Permissions(publish=(">",), subscribe=(">",)),
}
