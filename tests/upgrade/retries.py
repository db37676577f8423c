"""Requests that are sent again with the idempotency key of the first time."""

import json
from collections.abc import Mapping
from typing import Any

from opsroom_messaging.client.connection import NatsConnection
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.portal import Address
from tests.upgrade.people import SENDER, ask, say
from tests.upgrade.portal_view import bearer, static_token

Json = Any


async def send_again(address: Address, tokens: Mapping[str, str], sends: list[Json]) -> list[Json]:
    """Send frames again. Returns the replies."""
    replies = []
    for one in sends:
        async with person(address, tokens[one["name"]]) as someone:
            replies.append(await say(someone, one["frame"]))
    return replies


async def command_again(address: Address, commands: list[Json]) -> list[Json]:
    """Send commands again. Returns the operations."""
    async with address.requests() as client:
        client.headers.update(bearer(static_token("Olga")))
        replies = []
        for one in commands:
            path = f"/api/v1/cloud/instances{one['path']}"
            response = await client.request(one["method"], path, headers={"Idempotency-Key": one["key"]})
            assert response.status_code == 202, response.text
            replies.append(response.json()["operation"])
        return replies


async def request_again(
    address: Address, tokens: Mapping[str, str], broker: NatsConnection, requests: list[Json]
) -> list[Json]:
    """Send requests over NATS again. Returns the replies, without the sequence of a registration.

    A retried registration stores the user's record again. The sender of a message has to be connected.
    """
    replies = []
    async with person(address, tokens[SENDER]):
        for one in requests:
            reply = json.loads(await ask(broker, one["subject"], one["payload"]))
            if one["subject"] == "chat.register":
                del reply["seq"]
            replies.append(reply)
    return replies
