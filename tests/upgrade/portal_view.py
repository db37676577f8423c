"""What a portal serves through its public interfaces, as JSON that can be compared between releases."""

import hashlib
from collections.abc import Mapping
from typing import Any

import httpx

from services.gateway.tests.kit.api_clients import events, person
from services.gateway.tests.kit.course_clients import as_list, course_client
from services.gateway.tests.kit.portal import Address

Json = Any

ROOMS = ("general", "ops")
STATIC_TOKENS = {"root": "admin", "Olga": "operator"}
"""The role of each static token, by name."""
_PAGE = 200


def static_token(name: str) -> str:
    """Return the static token of ``name``; it is for tests only."""
    return f"opsroom_test-token-of-{name}"


def settings() -> dict[str, str]:
    """Return the settings under which data is made and read.

    Nothing expires before ten years have passed, which is the maximum of the lifetime of tokens and mutes.
    Otherwise the data would be different on each day that the test runs.
    """
    tokens = (
        f"{name} {role} sha256:{hashlib.sha256(static_token(name).encode()).hexdigest()}"
        for name, role in STATIC_TOKENS.items()
    )
    return {
        "CHAT_ROOMS": ",".join(ROOMS),
        "CHAT_RETENTION_DAYS": "36500",
        "CHAT_RETENTION_BYTES": str(64 * 1024**2),
        "CHAT_TOKEN_DAYS": "3650",
        "CHAT_HOLD_SECONDS": "1",
        "CLOUD_RETENTION_DAYS": "36500",
        "CLOUD_OPERATIONS_DAYS": "36500",
        "CLOUD_AUDIT_DAYS": "36500",
        "CLOUD_AUDIT_BYTES": str(64 * 1024**2),
        "GATEWAY_TOKENS": ",".join(tokens),
        "GATEWAY_TRUSTED_PROXIES": "127.0.0.1",
    }


def bearer(token: str) -> dict[str, str]:
    """Return the header that presents ``token``."""
    return {"Authorization": f"Bearer {token}"}


def admin() -> dict[str, str]:
    """Return the header of the static token with the role ``admin``."""
    return bearer(static_token("root"))


async def served(address: Address, tokens: Mapping[str, str], reader: str) -> dict[str, Json]:
    """Everything that is stored, as clients receive it.

    ``tokens``: registration tokens by the user's name. ``reader``: the user who reads the replay.
    """
    async with address.requests() as client:
        instances = await _json(client, "/api/v1/cloud/instances")
        found = await _events(address, instances["seq"])
        operations = {event["operationId"] for event in found}
        return {
            "history": {room: await _pages(client, f"/api/v1/chat/rooms/{room}/messages") for room in ROOMS},
            "replay": await _replay(address, tokens[reader]),
            "instances": instances["instances"],
            "events": found,
            "operations": {key: await _operation(client, key) for key in sorted(operations)},
            "courseInstances": await _json(client, "/cloud/"),
            "restrictions": (await _json(client, "/api/v1/chat/restrictions"))["restrictions"],
            "audit": await _pages(client, "/api/v1/audit"),
            "sessions": {name: await _session(client, token) for name, token in tokens.items()},
        }


async def listed(address: Address) -> dict[str, Json]:
    """The user list of both APIs."""
    async with address.requests() as client, course_client(address, "an observer") as observer:
        course = as_list(await observer.receive())
        return {"users": (await _json(client, "/api/v1/chat/users"))["users"], "courseUsers": course}


async def _json(client: httpx.AsyncClient, path: str, **params: str | int) -> Json:
    response = await client.get(path, params=params, headers=admin())
    assert response.status_code == 200, response.text
    return response.json()


async def _pages(client: httpx.AsyncClient, path: str) -> list[Json]:
    """Read a list page by page, in ascending order of ``seq``."""
    entries: list[Json] = []
    while True:
        after = entries[-1]["seq"] if entries else 0
        body = await _json(client, path, after=after, limit=_PAGE)
        (page,) = (value for value in body.values() if isinstance(value, list))
        entries += page
        if len(page) < _PAGE:
            return entries


async def _events(address: Address, last: int) -> list[Json]:
    """Read the event stream from the beginning up to the sequence ``last``."""
    found = []
    async with events(address, since=0) as stream:
        while True:
            event = await stream.next()
            assert event["event"] == "change", event
            assert int(event["id"]) == event["data"]["seq"]
            found.append(event["data"])
            if event["data"]["seq"] >= last:
                return found


async def _replay(address: Address, token: str) -> list[Json]:
    """Read the frames that a client receives who resumes from the beginning."""
    async with person(address, token, since=0) as reader:
        found = []
        while True:
            found.append(await reader.receive("message", "removed", "reset"))
            if found[-1]["seq"] >= reader.welcome["seq"]:
                return found


async def _operation(client: httpx.AsyncClient, operation_id: str) -> Json:
    """Read an operation; of one that has no record, such as one published by hand, the error's code."""
    response = await client.get(f"/api/v1/cloud/operations/{operation_id}")
    body = response.json()
    return body["operation"] if response.status_code == 200 else body["code"]


async def _session(client: httpx.AsyncClient, token: str) -> Json:
    """Read who a token is for; the error's code if it is not valid.

    The request comes from another machine, because each user of this one may do everything.
    """
    headers = bearer(token) | {"X-Forwarded-For": "198.51.100.7"}
    response = await client.get("/api/v1/session", headers=headers)
    body = response.json()
    body.pop("now", None)  # the server's clock is no data
    return body if response.status_code == 200 else body["code"]
