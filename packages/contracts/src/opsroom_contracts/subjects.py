"""Streams, buckets, and the subjects on which things are published. ``docs/nats.md`` documents each.

Subjects of requests are in :mod:`opsroom_contracts.endpoints`.
"""

CHAT_SERVICE = "chat"
CLOUD_SERVICE = "cloud"
GATEWAY_SERVICE = "gateway"


CHAT_STREAM = "CHAT"
"""Messages, one subject each, so that a message's id is taken at most once."""
CHAT_EVENTS = "chat.events.>"
CHAT_ERASURES = "chat.erasures.*"
"""Messages that are removed and not yet erased, in the stream of the messages."""

MEMBERS_STREAM = "MEMBERS"
"""People: the last message on a subject is the truth about one person or one name."""
MEMBERS = "chat.members.*"
NAMES = "chat.names.*"
RESTRICTIONS = "chat.restrictions.*"
"""Mutes and bans, in the stream of the people."""
MODERATED = "chat.moderated.*"
"""What was answered to each request about them, for as long as the same request may come again."""

CLOUD_STREAM = "CLOUD"
"""Events of instances, the timers of pending operations, and what the timers deliver."""
CLOUD_EVENTS = "cloud.events.*"
CLOUD_TIMERS = "cloud.timers.*"
CLOUD_DUE = "cloud.due.*"
CLOUD_OPERATIONS = "cloud.operations.*"
CLOUD_WORKERS = "workers"
"""The durable consumer of ``cloud.due.*`` that all cloud processes share."""

AUDIT_STREAM = "AUDIT"
"""Who asked for what, accepted and refused; one subject each, so that a retry is stored once."""
AUDIT = "audit.>"

GATEWAYS_BUCKET = "gateways"
"""Leases of gateway processes: a key that expires takes the gateway's people off the list."""

TYPING = "chat.typing.*"
GATEWAY_SPENT = "gateway.spent"
"""Gateways tell each other how much of the limits was used up; never stored."""


def message_subject(room: str, message_id: str) -> str:
    """Where one message of ``room`` is stored."""
    return f"chat.events.{room}.{message_id}"


def room_events(room: str) -> str:
    """All that is stored for ``room``."""
    return f"chat.events.{room}.>"


def member_subject(user_id: str) -> str:
    """Where the record of one person is kept."""
    return f"chat.members.{user_id}"


def name_subject(name_key: str) -> str:
    """Where the claim on one name is kept; ``name_key`` is a digest of the folded name."""
    return f"chat.names.{name_key}"


def erasure_subject(message_id: str) -> str:
    """Where it is kept that one removed message is still to be erased."""
    return f"chat.erasures.{message_id}"


def restriction_subject(restriction_id: str) -> str:
    """Where one mute or ban is kept."""
    return f"chat.restrictions.{restriction_id}"


def moderated_subject(request_id: str) -> str:
    """Where it is kept what one request made of a mute or ban."""
    return f"chat.moderated.{request_id}"


def audit_subject(outcome: str, entry_id: str) -> str:
    """Where one entry of the audit is stored."""
    return f"audit.{outcome}.{entry_id}"


def typing_subject(room: str) -> str:
    """Where it is said that someone types in ``room``; never stored."""
    return f"chat.typing.{room}"


def instance_events(instance_id: str) -> str:
    """Where the events of one instance are stored."""
    return f"cloud.events.{instance_id}"


def instance_timer(instance_id: str) -> str:
    """Where the timer of an instance's pending operation is armed."""
    return f"cloud.timers.{instance_id}"


def instance_due(instance_id: str) -> str:
    """Where that timer delivers when it fires."""
    return f"cloud.due.{instance_id}"


def operation_record(operation_id: str) -> str:
    """Where it is recorded, once, what an operation id was used for."""
    return f"cloud.operations.{operation_id}"
