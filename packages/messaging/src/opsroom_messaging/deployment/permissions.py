"""NATS permissions: one user per service, with the subjects that it uses and no others.

The broker's configuration is made from this table: for the embedded broker at its start, for others by
``python -m opsroom_messaging.deployment.broker_accounts``. A new subject needs a line here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsroom_contracts import endpoints, subjects

GATEWAY = subjects.GATEWAY_SERVICE
OPERATOR = "operator"
"""The user of the command line: may do everything, as root may on a machine."""
SERVICES = (GATEWAY, subjects.CHAT_SERVICE, subjects.CLOUD_SERVICE)
USERS = (*SERVICES, OPERATOR)

_GATEWAYS_STREAM = f"KV_{subjects.GATEWAYS_BUCKET}"
SURVEYED = (subjects.CHAT_STREAM, subjects.MEMBERS_STREAM, subjects.CLOUD_STREAM, _GATEWAYS_STREAM)
"""The streams that a portal can't be without, and whose state is told."""
_REPLY_SECONDS = 30
"""How long a service may take to answer a request: the right to do so ends then."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """Subjects that may be published and subscribed; ``answers``: and the reply subject of each request."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    answers: bool = False

    def configuration(self) -> dict[str, Any]:
        """The same as nats-server reads it."""
        rules: dict[str, Any] = {
            "publish": {"allow": list(self.publish)},
            "subscribe": {"allow": list(self.subscribe)},
        }
        if self.answers:
            rules["allow_responses"] = {"max": 1, "expires": f"{_REPLY_SECONDS}s"}
        return rules


def permissions(user: str) -> Permissions:
    """What ``user``, one of ``USERS``, may do."""
    return _ALL[user]


def authorization(passwords: Mapping[str, str]) -> dict[str, Any]:
    """The broker's ``authorization`` for all ``USERS``; whoever is none of them is refused."""
    return {
        "users": [
            {
                "user": user,
                "password": passwords[user],
                "permissions": permissions(user).configuration(),
            }
            for user in USERS
        ]
    }


def _inbox(user: str) -> str:
    return f"_INBOX.{user}.>"


def _follow(stream: str) -> tuple[str, ...]:
    """What it takes to follow a stream by a consumer of one's own."""
    return (
        f"$JS.API.STREAM.INFO.{stream}",
        f"$JS.API.CONSUMER.CREATE.{stream}",
        f"$JS.API.CONSUMER.CREATE.{stream}.>",
        f"$JS.API.CONSUMER.DELETE.{stream}.*",
        f"$JS.FC.{stream}.>",
    )


def _read(stream: str) -> tuple[str, ...]:
    """What it takes to read pages of a stream."""
    return (f"$JS.API.DIRECT.GET.{stream}", f"$JS.API.STREAM.MSG.GET.{stream}")


def _own(stream: str) -> tuple[str, ...]:
    """What it takes to make a stream and to read it at any place."""
    return (
        f"$JS.API.STREAM.CREATE.{stream}",
        f"$JS.API.STREAM.UPDATE.{stream}",
        f"$JS.API.STREAM.MSG.GET.{stream}",
        f"$JS.API.DIRECT.GET.{stream}",
        f"$JS.API.DIRECT.GET.{stream}.>",
        *_follow(stream),
    )


def _subjects(service: str) -> tuple[str, ...]:
    return tuple(endpoint.subject for endpoint in endpoints.endpoints_of(service))


def _service(name: str) -> tuple[str, ...]:
    """The subjects that a service of ``nats.micro`` subscribes to."""
    verbs = ("PING", "INFO", "STATS")
    found = [f"$SRV.{verb}{rest}" for verb in verbs for rest in ("", f".{name}", f".{name}.*")]
    return (*_subjects(name), *found, _inbox(name))


_ALL = {
    GATEWAY: Permissions(
        publish=(
            *_subjects(subjects.CHAT_SERVICE),
            *_subjects(subjects.CLOUD_SERVICE),
            subjects.TYPING,
            subjects.GATEWAY_SPENT,
            endpoints.KNOWN_ADDRESSES.subject,
            f"$SRV.PING.{subjects.CHAT_SERVICE}",
            f"$SRV.PING.{subjects.CLOUD_SERVICE}",
            "$SRV.STATS",
            "$JS.API.INFO",
            f"$KV.{subjects.GATEWAYS_BUCKET}.*",
            f"$JS.API.STREAM.INFO.{_GATEWAYS_STREAM}",
            *_read(subjects.CHAT_STREAM),
            *_read(subjects.CLOUD_STREAM),
            subjects.AUDIT,
            f"$JS.API.STREAM.INFO.{subjects.AUDIT_STREAM}",
            *_read(subjects.AUDIT_STREAM),
            *_follow(subjects.CHAT_STREAM),
            *_follow(subjects.MEMBERS_STREAM),
            *_follow(subjects.CLOUD_STREAM),
            *(f"$JS.API.CONSUMER.LIST.{stream}" for stream in SURVEYED),
        ),
        subscribe=(
            subjects.TYPING,
            subjects.GATEWAY_SPENT,
            *_service(GATEWAY),
        ),
        answers=True,
    ),
    subjects.CHAT_SERVICE: Permissions(
        publish=(
            subjects.CHAT_EVENTS,
            subjects.CHAT_ERASURES,
            subjects.MEMBERS,
            subjects.NAMES,
            subjects.RESTRICTIONS,
            subjects.MODERATED,
            subjects.AUDIT,
            "$JS.API.INFO",
            *_own(subjects.CHAT_STREAM),
            f"$JS.API.STREAM.MSG.DELETE.{subjects.CHAT_STREAM}",
            *_own(subjects.MEMBERS_STREAM),
            *_own(_GATEWAYS_STREAM),
            f"$JS.API.CONSUMER.INFO.{_GATEWAYS_STREAM}.*",
        ),
        subscribe=_service(subjects.CHAT_SERVICE),
        answers=True,
    ),
    subjects.CLOUD_SERVICE: Permissions(
        publish=(
            subjects.CLOUD_EVENTS,
            subjects.CLOUD_TIMERS,
            subjects.CLOUD_OPERATIONS,
            subjects.AUDIT,
            *_own(subjects.AUDIT_STREAM),
            "$JS.API.INFO",
            f"$JS.API.CONSUMER.DURABLE.CREATE.{subjects.CLOUD_STREAM}.{subjects.CLOUD_WORKERS}",
            f"$JS.API.CONSUMER.INFO.{subjects.CLOUD_STREAM}.{subjects.CLOUD_WORKERS}",
            f"$JS.API.CONSUMER.MSG.NEXT.{subjects.CLOUD_STREAM}.{subjects.CLOUD_WORKERS}",
            f"$JS.ACK.{subjects.CLOUD_STREAM}.{subjects.CLOUD_WORKERS}.>",
            *_own(subjects.CLOUD_STREAM),
        ),
        subscribe=_service(subjects.CLOUD_SERVICE),
        answers=True,
    ),
    OPERATOR: Permissions(publish=(">",), subscribe=(">",)),
}
