"""Cases of users with a lesser role, who try what only a higher one may do.

The routes are those of the gateway's OpenAPI document, and the subjects those of all broker users, so a new
one is tried without a change here. The tag of a route says which role it needs.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from opsroom_contracts.identity import Role
from opsroom_messaging.deployment.permissions import SERVICES, USERS, permissions
from tests.fuzz.cases.socket_cases import CHAT, DASHBOARD, V1

_METHODS = frozenset({"get", "put", "post", "delete", "patch", "options", "head", "trace"})
_STREAMS = ("CHAT", "MEMBERS", "FILES", "CLOUD", "AUDIT", "AGENTS", "KV_gateways")
_ADMIN_SUBJECTS = (
    *(
        "STREAM.DELETE.{}",
        "STREAM.PURGE.{}",
        "STREAM.UPDATE.{}",
        "STREAM.MSG.DELETE.{}",
        "STREAM.SNAPSHOT.{}",
    ),
    *(
        "STREAM.RESTORE.{}",
        "STREAM.LEADER.STEPDOWN.{}",
        "CONSUMER.DURABLE.CREATE.{}.x",
        "CONSUMER.PAUSE.{}.x",
    ),
)
_COURSE: tuple[tuple[str, str, Role, Any], ...] = (
    ("GET", "/cloud/", Role.VIEWER, None),
    ("GET", "/cloud/sse", Role.VIEWER, None),
    ("POST", "/cloud/", Role.OPERATOR, None),
    ("PATCH", "/cloud/{instance_id}", Role.OPERATOR, {"state": "running"}),
    ("PATCH", "/cloud/{instance_id}", Role.OPERATOR, {"action": "stop"}),
    ("DELETE", "/cloud/{instance_id}", Role.OPERATOR, None),
    ("DELETE", "/cloud/?id={instance_id}", Role.OPERATOR, None),
)
"""The routes of the course contract, which is frozen, with the role that they need outside of open mode."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user. ``role``: what they may do; None: nothing that needs a role. ``token``: what they prove it by.

    ``registered``: the token is that of a registration.
    """

    name: str
    role: Role | None
    token: str | None
    registered: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """A route that needs ``role``, with a request that would take effect."""

    method: str
    path: str
    role: Role
    body: Any = None


@dataclass(frozen=True, slots=True)
class RoleRequest:
    """A request that must be refused with 401 or 403, or with any error unless it is ``exact``."""

    kind: str
    who: str
    request: bytes
    exact: bool


@dataclass(frozen=True, slots=True)
class RoleFrames:
    """Frames on a socket. ``opens``: whether the socket may be opened; no frame may have an effect."""

    kind: str
    who: str
    path: str
    token: str | None
    frames: tuple[str, ...]
    opens: bool


@dataclass(frozen=True, slots=True)
class RoleSubject:
    """A subject that the broker's ``user`` may not publish, or not subscribe to."""

    kind: str
    user: str
    subject: str
    subscribe: bool


RoleCase = RoleRequest | RoleFrames | RoleSubject


def operations(document: dict[str, Any], ids: dict[str, str]) -> list[Operation]:
    """Return the operations of an OpenAPI document that need a role. ``ids``: values of parameters.

    Raises:
        LookupError: the document has a tag or a parameter that nothing is known about.
    """
    found = [Operation(method, path.format(**ids), role, body) for method, path, role, body in _COURSE]
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            if method in _METHODS and (role := _role_of(method, described)) is not None:
                target = path.format(**ids) + _query(described, ids)
                found += [
                    Operation(method.upper(), target, role, body) for body in _bodies(document, described)
                ]
    return found


def _role_of(method: str, described: dict[str, Any]) -> Role | None:
    """Return the least role that may call a route; None: it needs none."""
    if {} in described.get("security", [{}]):
        return None
    (tag,) = described["tags"]
    reads = method in {"get", "head"}
    roles: dict[str, Role | None] = {
        "admin": Role.ADMIN,
        "hooks": Role.ADMIN,
        "webhooks": Role.ADMIN,
        "on-call": Role.MEMBER if reads else Role.ADMIN,
        "cloud": Role.VIEWER if reads else Role.OPERATOR,
        "health": Role.VIEWER,
        "chat": Role.MEMBER,
        "search": Role.MEMBER,
        "incidents": Role.MEMBER,
        "notifications": Role.MEMBER,
        "bots": Role.MEMBER,
        "session": None,
    }
    return roles[tag]


def _query(described: dict[str, Any], ids: dict[str, str]) -> str:
    needed = [
        one["name"] for one in described.get("parameters", []) if one["in"] == "query" and one["required"]
    ]
    return "?" * bool(needed) + "&".join(f"{name}={quote(ids[name])}" for name in needed)


def _bodies(document: dict[str, Any], described: dict[str, Any]) -> list[Any]:
    """Return the examples of a request's body, which are valid."""
    content = described.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return [None]
    examples = content.get("examples") or content["schema"].get("examples")
    return list(examples)


def rank(role: Role | None) -> int:
    """Return how much a role may do."""
    return -1 if role is None else list(Role).index(role)


def role_cases(
    identities: list[Identity], routes: list[Operation], ids: dict[str, str], secret: str, number: int
) -> list[RoleCase]:
    """Return all that all ``identities`` may not do, in an order and disguises of the seed ``number``.

    ``secret``: an admin's token. It must not count in a place where no token belongs.
    """
    chance = random.Random(number)
    found: list[RoleCase] = [
        _request(who, route, secret, chance)
        for who in identities
        for route in routes
        if rank(who.role) < rank(route.role)
    ]
    found += [case for who in identities for case in _frames(who, ids)]
    found += _subjects()
    chance.shuffle(found)
    return found


def _request(who: Identity, route: Operation, secret: str, chance: random.Random) -> RoleRequest:
    path, more = route.path, ""
    joined = "&" if "?" in path else "?"
    if exact := chance.random() < 0.7:
        path, more = chance.choice(
            (
                *((path, ""),) * 4,
                (f"{path}{joined}token={secret}&access_token={secret}&authorization=Bearer%20{secret}", ""),
                (path, f"Cookie: token={secret}; Authorization=Bearer {secret}\r\n"),
                (path, f"X-Authorization: Bearer {secret}\r\nProxy-Authorization: Bearer {secret}\r\n"),
                (path, "X-Forwarded-User: the-admin\r\nX-Role: admin\r\nRemote-User: the-admin\r\n"),
                (path, "X-HTTP-Method-Override: GET\r\nX-Original-URL: /healthz\r\n"),
                (path, "Origin: http://127.0.0.1\r\nReferer: http://127.0.0.1/\r\n"),
            )
        )
    else:
        path = chance.choice(
            (
                *("/" + path, path.replace("/api/", "/api/./"), path.replace("/v1/", "/v1/x/../")),
                *(path.upper(), path.replace("?", "/?") if "?" in path else path + "/", path + "%00"),
                *(path.replace("/api", "/%61pi"), path.replace("/v1", "//v1"), path + ";x=1"),
                *("http://127.0.0.1" + path, "/healthz/.." + path, path.replace("/", "\\")),
            )
        )
    body = b"" if route.body is None else json.dumps(route.body).encode()
    head = f"{route.method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{more}"
    if who.token is not None:
        head += f"Authorization: Bearer {who.token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return RoleRequest("lesser role: requests", who.name, f"{head}\r\n".encode() + body, exact)


def _frames(who: Identity, ids: dict[str, str]) -> Iterator[RoleFrames]:
    """Yield what a user tries on sockets: commands, hellos with a token of another kind, others' names."""
    kind = "lesser role: frames"
    if rank(who.role) < rank(Role.OPERATOR):
        commands = [
            {"id": ids["instance_id"]} | more for more in ({}, *({"action": a} for a in ("start", "stop")))
        ]
        frames = tuple(json.dumps(one) for one in commands)
        yield RoleFrames(kind, who.name, DASHBOARD, who.token, frames, rank(who.role) >= rank(Role.VIEWER))
    if not who.registered:
        hello = json.dumps({"type": "hello", "token": who.token or ""})
        yield RoleFrames(kind, who.name, V1, None, (hello, '{"type":"leave"}'), opens=True)
    claimed = {"id": ids["user_id"], "name": ids["name"]}
    frames = tuple(
        json.dumps({"type": kind, "text": "claimed"} | one)
        for kind in ("send", "exit")
        for one in ({"user": claimed}, {"userId": claimed["id"]}, claimed, {"name": claimed["name"]})
    )
    yield RoleFrames(kind, who.name, CHAT, who.token, frames, opens=True)


def _subjects() -> Iterator[RoleSubject]:
    """Yield the subjects of other broker users, and those that administrate streams."""
    published = {_concrete(one) for user in USERS for one in permissions(user).publish}
    published |= {f"$JS.API.{verb.format(stream)}" for verb in _ADMIN_SUBJECTS for stream in _STREAMS}
    published |= {f"_INBOX.{user}.x" for user in USERS}
    subscribed = {one for user in USERS for one in permissions(user).subscribe} | {"*", "$JS.>", "_INBOX.>"}
    for user in SERVICES:
        mine = permissions(user)
        for subject in sorted(published):
            if not any(covers(one, subject) for one in mine.publish):
                yield RoleSubject("lesser role: NATS", user, subject, subscribe=False)
        for subject in sorted(subscribed):
            if not any(covers(one, subject) for one in mine.subscribe):
                yield RoleSubject("lesser role: NATS", user, subject, subscribe=True)


def _concrete(subject: str) -> str:
    return ".".join({"*": "x", ">": "x.y"}.get(part, part) for part in subject.split("."))


def covers(pattern: str, subject: str) -> bool:
    """Return whether every subject that matches ``subject`` matches ``pattern``, too."""
    parts, wanted = pattern.split("."), subject.split(".")
    for number, part in enumerate(parts):
        if part == ">":
            return len(wanted) > number
        if number >= len(wanted) or wanted[number] == ">" or part not in {"*", wanted[number]}:
            return False
    return len(parts) == len(wanted)
