"""Names of streams, buckets and published subjects. ``docs/nats.md`` documents each.

Request subjects are in :mod:`opsroom_contracts.endpoints`.
"""

import re
from typing import Final
from zlib import crc32

CHAT_SERVICE = "chat"
CLOUD_SERVICE = "cloud"
GATEWAY_SERVICE = "gateway"
INCIDENTS_SERVICE = "incidents"
SERVICE_NAMES: Final = frozenset({CHAT_SERVICE, CLOUD_SERVICE, GATEWAY_SERVICE, INCIDENTS_SERVICE, "agent"})
"""What the portal's own programs are called at the broker; no bot may have such a name."""


CHAT_STREAM = "CHAT"
"""Messages, spread over ``LOG_SHARDS`` subjects of each room: the broker keeps an index of all subjects in
memory. Releases before decision 0050 stored each message on its own subject."""
CHAT_EVENTS = "chat.events.>"
LOG_SHARDS = 256
"""How many subjects the messages of a configured room are spread over. With another number, a chat process
that is building its index would look for stored messages in the wrong place."""
_LOG_SHARDS_OF_ROOM = 8
_CREATED_ROOM: Final = re.compile(r"[rd]-[a-z2-7]{24}")
"""Ids of rooms that people create: most are small, and each subject takes memory of the broker."""
CHAT_ERASURES = "chat.erasures.*"
"""Removed messages that are not erased yet; part of the ``CHAT`` stream."""
CHAT_FILES = "chat.files.*"
"""Records of files; part of the ``CHAT`` stream, so that they are stored together with their messages."""
CHAT_COMMANDS = "chat.commands.*"
"""Commands that were said and are to be done; part of the ``CHAT`` stream, too. They expire."""
COMMAND_WORKERS = "commands"
"""The durable consumer of ``chat.commands.*``, shared by all processes of the service ``incidents``."""

FILES_STREAM = "FILES"
"""The bytes of files, in chunks: ``chat.chunks.<file>.<attempt>.<number>``."""
CHUNKS = "chat.chunks.>"

MEMBERS_STREAM = "MEMBERS"
"""Members, names and restrictions: the last message on a subject is the current record."""
MEMBERS = "chat.members.*"
NAMES = "chat.names.*"
RESTRICTIONS = "chat.restrictions.*"
"""Mutes and bans; part of the ``MEMBERS`` stream."""
ROOM_RECORDS = "chat.room-records.*"
ROOM_NAMES = "chat.room-names.*"
MEMBERSHIPS = "chat.memberships.*"
"""Rooms with members, their names, and the rooms of each person. Part of the ``MEMBERS`` stream."""
READS = "chat.reads.*"
"""Up to where each person has read their rooms; part of the ``MEMBERS`` stream."""
FOLLOWS = "chat.threads.*"
"""The threads that each person follows; part of the ``MEMBERS`` stream."""
NOTIFICATIONS = "chat.notifications.*"
PUSH_DEVICES = "chat.push-devices.*"
PUSH_STATE = "chat.push.*"
"""What people are notified of, the devices that get pushes, and what all chat processes share: the keys of
this portal at push services, and up to where messages are pushed. Part of the ``MEMBERS`` stream."""
MODERATED = "chat.moderated.*"
"""Results of requests about mutes and bans, kept for as long as a retry may arrive."""

CLOUD_STREAM = "CLOUD"
"""Events of instances, timers of pending operations, and the due messages that the timers publish."""
CLOUD_EVENTS = "cloud.events.*"
CLOUD_TIMERS = "cloud.timers.*"
CLOUD_DUE = "cloud.due.*"
CLOUD_OPERATIONS = "cloud.operations.*"
CLOUD_NAMES = "cloud.server-names.*"
"""Names that were just given to instances; a claim expires once the events are known everywhere."""
CLOUD_SCHEDULES = "cloud.schedules.*"
"""Records of schedules; their timers and due messages are among those of operations."""
CLOUD_WORKERS = "workers"
"""The durable consumer of ``cloud.due.*``, shared by all cloud processes."""

INCIDENTS_STREAM = "INCIDENTS"
"""Records of the service ``incidents``: the last message on a subject is the current record."""
COMMAND_PLANS = "incidents.plans.*"
"""What a command of the chat comes to, written once before it is done. They expire."""
OPEN_COMMANDS = "incidents.open.*"
"""Commands whose operations have not all ended. They expire."""
LAST_COMMANDS = "incidents.last.*"
"""The last command of each person in each place. They expire."""
HOOKS = "incidents.hooks.*"
HOOK_SECRETS = "incidents.hook-secrets.*"
"""Which hook has a secret, by the digest of the secret."""
WEBHOOKS = "incidents.webhooks.*"
WEBHOOK_PROGRESS = "incidents.webhook-progress.*"
"""How far each webhook is in each stream. What decides is its consumer; this is for when that is gone."""
CARDS = "incidents.cards.*"
"""The last report about each thing that has a card with a key. They expire."""
ROTAS = "incidents.rotas.*"
"""Who is on call, by week."""
ESCALATIONS = "incidents.escalations.*"
"""How far alerts have gone that nobody acknowledges. They expire."""
ESCALATION_TIMERS = "incidents.timers.*"
ESCALATIONS_DUE = "incidents.due.*"
ESCALATION_WORKERS = "escalations"
"""The durable consumer of ``incidents.due.*``, shared by all processes of the service ``incidents``."""
INCIDENT_RECORDS = "incidents.records.*"
"""Incidents. They expire long after they were closed."""
UNSAID_CHANGES = "incidents.unsaid.*"
"""Changes of incidents that their threads don't say yet. They expire."""

AUDIT_STREAM = "AUDIT"
"""The audit log: accepted and refused requests. Each has its own subject, so that a retry is stored once."""
AUDIT = "audit.>"
AUDIT_ACCEPTED = "audit.accepted.*"
AUDIT_REFUSED = "audit.refused.*"
AUDIT_OF_GATEWAYS = f"audit.accepted.{GATEWAY_SERVICE}.*"
"""What gateways accept themselves. They may not publish on the subjects of what services accept."""

GATEWAYS_BUCKET = "gateways"
"""Leases of gateway processes: when a key expires, the gateway's users leave the user list."""

PROBES_STREAM = "PROBES"
"""Probe writes of chat and cloud, by which they see whether the broker stores. It has no other content."""
PROBES = "probes.*.*"
PROBE_ID = "-probe"
"""In place of an id: the subject of a probe write in another stream. No id begins with a hyphen."""

AGENTS_STREAM = "AGENTS"
"""What agents say about themselves: a record and a lease each."""
AGENT_RECORDS = "agents.records.*"
AGENT_LEASES = "agents.leases.*"

PROVIDER_CHANGES = "provider.*.changed"
"""Notices of agents about servers that have changed; never stored."""
PROVIDER_STREAMS = "provider.*.streams.*"
"""Logs and statistics on their way from an agent to a gateway; never stored."""

TYPING = "chat.typing.*"
GATEWAY_RATE_LIMITS = "gateway.spent"
"""Rate limit updates between gateways; never stored."""


_STREAMS = (
    ("chat.events.", CHAT_STREAM),
    ("chat.erasures.", CHAT_STREAM),
    ("chat.files.", CHAT_STREAM),
    ("chat.commands.", CHAT_STREAM),
    ("chat.chunks.", FILES_STREAM),
    ("chat.", MEMBERS_STREAM),
    ("cloud.", CLOUD_STREAM),
    ("incidents.", INCIDENTS_STREAM),
    ("audit.", AUDIT_STREAM),
    ("agents.", AGENTS_STREAM),
    ("probes.", PROBES_STREAM),
    (f"$KV.{GATEWAYS_BUCKET}.", f"KV_{GATEWAYS_BUCKET}"),
)


def stream_of(subject: str) -> str | None:
    """Return the stream that stores ``subject``, one of those above."""
    return next((stream for prefix, stream in _STREAMS if subject.startswith(prefix)), None)


def probe_subject(service: str, process_id: str) -> str:
    """Return the subject of the probe writes of one process of ``service``."""
    return f"probes.{service}.{process_id}"


def message_subject(room: str, message_id: str) -> str:
    """Return the subject of all events of one message of ``room``; other messages share it."""
    return log_subject(room, str(crc32(message_id.encode()) % shards_of(room)))


def is_created_room(room: str) -> bool:
    """Whether ``room`` is the id of a room that people create. Everybody is in all other rooms."""
    return _CREATED_ROOM.fullmatch(room) is not None


def shards_of(room: str) -> int:
    """Return how many subjects the messages of ``room`` are spread over; it must never change."""
    if not is_created_room(room):
        return LOG_SHARDS
    return 1 if room.startswith("d") else _LOG_SHARDS_OF_ROOM


def log_subject(room: str, shard: str) -> str:
    """Return one of the subjects of the messages of ``room``."""
    return f"chat.events.{room}.log.{shard}"


def pins_subject(room: str) -> str:
    """Return the subject of the events that pin messages of ``room``. Other events have others.

    They share one, so that processes which pin at the same time notice each other: there is a limit.
    """
    return log_subject(room, "pins")


def former_message_subject(room: str, message_id: str) -> str:
    """Return the subject on which releases before decision 0050 stored a message, and nothing else."""
    return f"chat.events.{room}.{message_id}"


def is_log_subject(subject: str) -> bool:
    """Whether ``subject`` is one that messages share."""
    tokens = subject.split(".")
    return len(tokens) == 5 and tokens[3] == "log"


def room_events(room: str) -> str:
    """Return the wildcard subject of all messages of ``room``."""
    return f"chat.events.{room}.>"


def member_subject(user_id: str) -> str:
    """Return the subject of one member's record."""
    return f"chat.members.{user_id}"


def name_subject(name_key: str) -> str:
    """Return the subject of the claim on one name; ``name_key`` is a digest of one of its forms."""
    return f"chat.names.{name_key}"


def erasure_subject(message_id: str) -> str:
    """Return the subject of the pending erasure of one removed message."""
    return f"chat.erasures.{message_id}"


def file_subject(file_id: str) -> str:
    """Return the subject of the record of one file."""
    return f"chat.files.{file_id}"


def command_subject(message_id: str) -> str:
    """Return the subject of the trigger of the command that was said with one message."""
    return f"chat.commands.{message_id}"


def chunks_of(file_id: str, attempt: str = "*") -> str:
    """Return the wildcard subject of the chunks of one file, by default of all attempts to upload it."""
    return f"chat.chunks.{file_id}.{attempt}.*"


def chunk_subject(file_id: str, attempt: str, number: int) -> str:
    """Return the subject of one chunk; ``number`` counts from 0."""
    return f"chat.chunks.{file_id}.{attempt}.{number}"


def room_record(room: str) -> str:
    """Return the subject of the record of one room."""
    return f"chat.room-records.{room}"


def room_name_subject(name_key: str) -> str:
    """Return the subject of the claim on one room's name; ``name_key`` is a digest of the name."""
    return f"chat.room-names.{name_key}"


def memberships_subject(user_id: str) -> str:
    """Return the subject of the rooms of one person."""
    return f"chat.memberships.{user_id}"


def reads_subject(user_id: str) -> str:
    """Return the subject of the read positions of one person."""
    return f"chat.reads.{user_id}"


def follows_subject(user_id: str) -> str:
    """Return the subject of the threads that one person follows."""
    return f"chat.threads.{user_id}"


def notifications_subject(user_id: str) -> str:
    """Return the subject of what one person is notified of."""
    return f"chat.notifications.{user_id}"


def push_devices_subject(user_id: str) -> str:
    """Return the subject of the devices of one person that get pushes."""
    return f"chat.push-devices.{user_id}"


def push_keys_subject() -> str:
    """Return the subject of the key pair of this portal at push services."""
    return "chat.push.vapid"


def push_position_subject() -> str:
    """Return the subject of the position up to which messages are pushed."""
    return "chat.push.position"


def restriction_subject(restriction_id: str) -> str:
    """Return the subject of one mute or ban."""
    return f"chat.restrictions.{restriction_id}"


def moderated_subject(request_id: str) -> str:
    """Return the subject of the result of one request about a mute or ban."""
    return f"chat.moderated.{request_id}"


def audit_subject(outcome: str, entry_id: str, *, by_gateway: bool = False) -> str:
    """Return the subject of one audit entry. ``by_gateway``: a gateway accepted the request itself."""
    return f"audit.{outcome}.{GATEWAY_SERVICE}.{entry_id}" if by_gateway else f"audit.{outcome}.{entry_id}"


def typing_subject(room: str) -> str:
    """Return the subject of typing notices in ``room``; never stored."""
    return f"chat.typing.{room}"


def instance_events(instance_id: str) -> str:
    """Return the subject of the events of one instance."""
    return f"cloud.events.{instance_id}"


def instance_timer(instance_id: str) -> str:
    """Return the subject of the timer of an instance's pending operation."""
    return f"cloud.timers.{instance_id}"


def instance_due(instance_id: str) -> str:
    """Return the subject on which that timer publishes when it fires."""
    return f"cloud.due.{instance_id}"


def operation_record(operation_id: str) -> str:
    """Return the subject of the record of one operation; written once."""
    return f"cloud.operations.{operation_id}"


def server_name_subject(name: str) -> str:
    """Return the subject of the claim on one name of an instance."""
    return f"cloud.server-names.{name}"


def command_plan(message_id: str) -> str:
    """Return the subject of the plan of the command that was said with one message."""
    return f"incidents.plans.{message_id}"


def open_command(message_id: str) -> str:
    """Return the subject that says that the command of one message has not ended."""
    return f"incidents.open.{message_id}"


def last_command(digest: str) -> str:
    """Return the subject of the last command of one person in one place; both are in ``digest``."""
    return f"incidents.last.{digest}"


def hook_subject(hook_id: str) -> str:
    """Return the subject of the record of one hook."""
    return f"incidents.hooks.{hook_id}"


def hook_secret_subject(secret_hash: str) -> str:
    """Return the subject of the hook with a secret; ``secret_hash`` is a digest of it."""
    return f"incidents.hook-secrets.{secret_hash}"


def webhook_subject(webhook_id: str) -> str:
    """Return the subject of the record of one webhook."""
    return f"incidents.webhooks.{webhook_id}"


def webhook_progress_subject(webhook_id: str, stream: str) -> str:
    """Return the subject that says how far one webhook is in one stream."""
    return f"incidents.webhook-progress.{webhook_id}-{stream.lower()}"


def card_subject(digest: str) -> str:
    """Return the subject of the record of one card; ``digest`` is that of its room, source and key."""
    return f"incidents.cards.{digest}"


def rota_subject(rota_id: str) -> str:
    """Return the subject of the record of one rota."""
    return f"incidents.rotas.{rota_id}"


def escalation_subject(escalation_id: str) -> str:
    """Return the subject of the record of one escalation."""
    return f"incidents.escalations.{escalation_id}"


def escalation_timer(escalation_id: str) -> str:
    """Return the subject of the timer of one escalation."""
    return f"incidents.timers.{escalation_id}"


def escalation_due(escalation_id: str) -> str:
    """Return the subject on which that timer publishes when it fires."""
    return f"incidents.due.{escalation_id}"


def incident_record(incident_id: str) -> str:
    """Return the subject of the record of one incident, whose id is that of a message."""
    return f"incidents.records.{incident_id}"


def unsaid_change(incident_id: str, number: int) -> str:
    """Return the subject that says that the thread of an incident does not say one of its changes yet."""
    return f"incidents.unsaid.{incident_id}-{number}"


def schedule_record(name: str) -> str:
    """Return the subject of the record of one schedule."""
    return f"cloud.schedules.{name}"


_SCHEDULE_MARK: Final = "~"
"""Begins the token of a schedule among those of instances: no id begins with it."""


def schedule_timer(name: str) -> str:
    """Return the subject of the timer of a schedule."""
    return instance_timer(f"{_SCHEDULE_MARK}{name}")


def schedule_due(name: str) -> str:
    """Return the subject on which that timer publishes when it fires."""
    return instance_due(f"{_SCHEDULE_MARK}{name}")


def is_schedule_due(subject: str) -> bool:
    """Whether a due message is that of a schedule."""
    return subject.rpartition(".")[2].startswith(_SCHEDULE_MARK)


def agent_record(provider: str) -> str:
    """Return the subject of the record of one provider's agent."""
    return f"agents.records.{provider}"


def agent_lease(provider: str) -> str:
    """Return the subject of the lease of one provider's agent."""
    return f"agents.leases.{provider}"


def provider_subject(provider: str, verb: str) -> str:
    """Return the subject of one verb of a provider."""
    return f"provider.{provider}.{verb}"


def provider_changes(provider: str) -> str:
    """Return the subject of a provider's notices of changes."""
    return f"provider.{provider}.changed"


def provider_stream(provider: str, stream: str) -> str:
    """Return the subject of one log or of the statistics of one server."""
    return f"provider.{provider}.streams.{stream}"
