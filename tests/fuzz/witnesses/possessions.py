"""Possessions: what users with a lesser role must not change. An admin compares it before and after."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx

from opsroom_contracts.identity import Role
from opsroom_contracts.serialization.model import rfc3339
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import Person
from services.gateway.tests.kit.portal import Address
from tests.fuzz.cases.role_cases import Identity, Operation, operations

_API = "/api/v1"
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state that users with a lesser role must not change. ``at``: when it was taken."""

    at: str
    state: dict[str, Any]


class Possessions:
    """A server, a user with a message, and a mute, as an admin sees them at the gateway in ``token`` mode.

    ``ids``: their ids by the name of a route's parameter. ``identities``: users with a lesser role.
    """

    def __init__(
        self, admin: httpx.AsyncClient, broker: NatsConnection, owner: Person, ids: dict[str, str]
    ) -> None:
        self.ids = ids
        self.identities: list[Identity] = []
        self.operations: list[Operation] = []
        self._admin = admin
        self._broker = broker
        self._owner = owner

    async def snapshot(self) -> Snapshot:
        """Return the state now."""
        at = rfc3339(datetime.now(UTC))
        instances = await until_answer(lambda: self._get("/cloud/instances"), _nothing_pending)
        restrictions = await self._get("/chat/restrictions")
        seq = int(self.ids["seq"])
        history = await self._get(f"/chat/rooms/general/messages?before={seq + 1}&limit=1")
        names = {one["name"] for one in (await self._get("/chat/users"))["users"]}
        streams = await self._broker.client.jetstream().streams_info()
        return Snapshot(
            at,
            {
                "servers": instances["instances"],
                "restrictions": restrictions["restrictions"],
                "the message": history["messages"],
                "the user is listed": self.ids["name"] in names,
                "streams": sorted((one.config.name, one.config.subjects) for one in streams),
            },
        )

    async def changes(self, before: Snapshot) -> list[str]:
        """Return what has changed since ``before``, and the requests that were accepted since then."""
        now = await self.snapshot()
        found = [
            f"{what} changed from {json.dumps(was)[:600]} to {json.dumps(now.state[what])[:600]}"
            for what, was in before.state.items()
            if now.state[what] != was
        ]
        entries = (await self._get(f"/audit?limit={_PAGE}"))["entries"]
        accepted = [
            one["entry"]
            for one in entries
            if one["entry"]["at"] >= before.at and one["entry"]["outcome"] == "accepted"
        ]
        claimed = [
            one
            for one in (await self._get(f"/chat/rooms/general/messages?limit={_PAGE}"))["messages"]
            if one["user"]["id"] == self.ids["user_id"] and one["seq"] != int(self.ids["seq"])
        ]
        return [
            *found,
            *(f"accepted: {one}" for one in accepted),
            *(f"in another's name: {one}" for one in claimed),
        ]

    async def _get(self, path: str) -> Any:
        response = await self._admin.get(_API + path)
        assert response.status_code == 200, response.text
        return response.json()


def _nothing_pending(listed: dict[str, Any]) -> bool:
    return not any(one.get("pending") for one in listed["instances"])


async def possessions(
    address: Address, admin: httpx.AsyncClient, broker: NatsConnection, owner: Person, tokens: dict[str, str]
) -> Possessions:
    """Make them. ``admin``: requests with an admin's token; ``owner``: the user with a message."""
    name = owner.welcome["user"]["name"]
    message = await owner.say("what nobody else may remove")
    made = await admin.post(f"{_API}/cloud/instances")
    operation = made.json()["operation"]
    mute = await admin.post(f"{_API}/chat/mutes", json={"name": "somebody muted"})
    invitation = {"name": f"i-{uuid4().hex[:20]}", "role": "viewer"}
    invited = await admin.post(f"{_API}/access/invitations", json=invitation)
    ids = {
        "room": "general",
        "name": name,
        "user_id": owner.welcome["user"]["id"],
        "message_id": message["id"],
        "seq": str(message["seq"]),
        "instance_id": operation["instanceId"],
        "operation_id": operation["id"],
        "schedule": "nightly",
        "provider": "simulated",
        "restriction_id": mute.json()["id"],
        "invitation_id": invited.json()["invitation"]["id"],
        "emoji": quote("👍"),
        "file_id": "a-file",
        "bot_id": "a-bot",
        "hook_id": "a" * 16,
        "incident_id": "a" * 16,
        "webhook_id": "a" * 16,
        "source": "slack.t1",
        "message": "1",
        "digest": "a" * 64,
    }
    owned = Possessions(admin, broker, owner, ids)
    owned.operations = operations((await admin.get("/openapi.json")).json(), ids)
    owned.identities = await _identities(address, tokens, owner.token)
    return owned


async def _identities(address: Address, tokens: dict[str, str], owners: str) -> list[Identity]:
    """Return users of every role below the highest, by static tokens and by registrations, and impostors."""
    admin = tokens[Role.ADMIN]
    async with address.requests() as client:

        async def register(token: str | None) -> str:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            response = await client.post(
                f"{_API}/chat/users", json={"name": f"r-{uuid4().hex[:20]}"}, headers=headers
            )
            assert response.status_code == 201, response.text
            registered: str = response.json()["token"]
            return registered

        lesser = [role for role in Role if role is not Role.ADMIN]
        registered = await asyncio.gather(*(register(tokens[role]) for role in lesser))

        async def bot(role: Role) -> str:
            headers = {"Authorization": f"Bearer {tokens[role]}"}
            body = {"name": f"b-{uuid4().hex[:20]}", "role": role.value}
            response = await client.post(f"{_API}/access/bots", json=body, headers=headers)
            assert response.status_code == 201, response.text
            made: str = response.json()["token"]
            return made

        bots = await asyncio.gather(*map(bot, lesser))
        guest, revoked = await asyncio.gather(register(None), register(admin))
        await client.delete(f"{_API}/session", headers={"Authorization": f"Bearer {revoked}"})
    impostors = {
        "a revoked registration of an admin": revoked,
        "a part of an admin's token": admin[:-1],
        "an admin's token and more": admin + "A",
        "an admin's token in capitals": admin.upper(),
        "an id with another secret": f"{owners.partition('.')[0]}.{guest.partition('.')[2]}",
    }
    return [
        Identity("nobody", None, None),
        Identity("guest", Role.MEMBER, guest, registered=True),
        *(Identity(role.value, role, tokens[role]) for role in lesser),
        *(
            Identity(f"{role.value}, registered", role, token, registered=True)
            for role, token in zip(lesser, registered, strict=True)
        ),
        *(
            Identity(f"bot, {role.value}", role, token, registered=True)
            for role, token in zip(lesser, bots, strict=True)
        ),
        *(Identity(name, None, token) for name, token in impostors.items()),
    ]
