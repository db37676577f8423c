"""Commands that give a portal of an old release one of every event and operation to store."""

from typing import Any

import httpx

from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.portal import Address
from tests.upgrade.people import Made, ask
from tests.upgrade.portal_view import bearer, static_token

Json = Any

_CLOUD = "/api/v1/cloud"
_BY_HAND = (
    '{"type":"created","instanceId":"test-1","operationId":"test-op","command":"create","state":"running",'
    '"actor":"me","timestamp":"2026-11-24T00:00:00Z"}'
)


class Operator:
    """Sends commands as the static token Olga."""

    def __init__(self, client: httpx.AsyncClient, made: Made) -> None:
        self._client = client
        self._client.headers.update(bearer(static_token("Olga")))
        self._made = made

    async def accepted(self, method: str, path: str = "", key: str | None = None) -> Json:
        """Send a command. Returns the accepted operation; with ``key`` it is retried later."""
        headers = {} if key is None else {"Idempotency-Key": key}
        response = await self._client.request(method, f"{_CLOUD}/instances{path}", headers=headers)
        assert response.status_code == 202, response.text
        if key is not None:
            self._made.commands.append({"method": method, "path": path, "key": key})
        return response.json()["operation"]

    async def done(self, method: str, path: str = "", key: str | None = None) -> str:
        """Send a command and wait until it is no longer pending. Returns the instance's id."""
        operation = await self.accepted(method, path, key)

        async def status() -> str:
            reply = await self._client.get(f"{_CLOUD}/operations/{operation['id']}")
            return str(reply.json()["operation"]["status"])

        await until_answer(status, lambda found: found != "pending")
        return str(operation["instanceId"])

    async def cancelled(self, method: str, path: str = "", key: str | None = None) -> None:
        """Send a command and cancel it."""
        operation = await self.accepted(method, path, key)
        response = await self._client.delete(f"{_CLOUD}/operations/{operation['id']}")
        assert response.json()["operation"]["status"] == "cancelled", response.text

    async def refused(self, method: str, path: str, token: str | None = None) -> None:
        """Send a command that must be refused."""
        headers = {} if token is None else bearer(token)
        response = await self._client.request(method, _CLOUD + path, headers=headers)
        assert response.status_code in {401, 403, 404, 409}, response.text


async def command(address: Address, broker: NatsConnection, made: Made) -> dict[str, str]:
    """Create, start, stop and remove servers. Returns the ids of some by state."""
    async with address.requests() as client:
        olga = Operator(client, made)
        running = await olga.done("POST", key="create-1")
        await olga.done("POST", f"/{running}/start", key="start-1")
        stopped = await olga.done("POST")
        await olga.done("POST", f"/{stopped}/start")
        await olga.done("POST", f"/{stopped}/stop")
        removed = await olga.done("POST")
        await olga.done("DELETE", f"/{removed}", key="remove-1")
        other = await olga.done("POST")
        await olga.refused("POST", f"/instances/{running}/start")
        await olga.refused("POST", f"/instances/{removed}/start")
        await olga.refused("POST", "/instances", "no token")
        await olga.refused("DELETE", "/operations/none")
        headers = {"X-Forwarded-For": "198.51.100.7"}
        assert (await client.post("/cloud/", headers=headers)).status_code == 201
        assert (await client.patch(f"/cloud/{other}", json={"action": "start"})).status_code == 200
        assert (await client.delete("/cloud/none")).status_code == 404
    made.requests.append({"subject": "cloud.create", "payload": '{"clientId":"nats-1","actor":"the shell"}'})
    await ask(broker, "cloud.create", made.requests[-1]["payload"])
    await ask(broker, "cloud.start", '{"instanceId":"none"}')
    await broker.client.publish("cloud.events.test-1", _BY_HAND.encode())
    await broker.client.publish("cloud.events.test-2", b"garbage")
    await broker.client.publish(f"cloud.events.{other}", b"garbage")
    await broker.client.flush()
    return {"running": running, "stopped": stopped, "other": other}


async def fail(address: Address, made: Made, ids: dict[str, str]) -> None:
    """Send commands to a portal whose provider fails."""
    async with address.requests() as client:
        olga = Operator(client, made)
        await olga.done("POST", key="create-failed")
        await olga.done("POST", f"/{ids['running']}/stop", key="stop-failed")


async def leave_pending(address: Address, made: Made, ids: dict[str, str]) -> list[str]:
    """Cancel commands, and leave others pending. Returns the ids of the pending operations."""
    async with address.requests() as client:
        olga = Operator(client, made)
        await olga.cancelled("POST", key="create-cancelled")
        await olga.cancelled("POST", f"/{ids['running']}/stop", key="stop-cancelled")
        pending = [
            await olga.accepted("POST", key="create-pending"),
            await olga.accepted("POST", f"/{ids['stopped']}/start", key="start-pending"),
            await olga.accepted("DELETE", f"/{ids['running']}", key="remove-pending"),
        ]
        await olga.refused("POST", f"/instances/{ids['running']}/stop")
    return [operation["id"] for operation in pending]
