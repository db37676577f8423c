"""`/api/v1/cloud`: commands, operations, and the event stream."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from opsroom_testkit.raw_connection import open_raw
from services.gateway.tests.kit.api_clients import created, events, token_of
from services.gateway.tests.kit.portal import Address, Portal, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

INSTANCES = "/api/v1/cloud/instances"


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"] == f"urn:opsroom:error:{code}"
    assert body["title"]
    assert body["detail"]
    return body


async def instance(http: httpx.AsyncClient, instance_id: str) -> dict[str, Any] | None:
    listed = (await http.get(INSTANCES)).json()["instances"]
    return next((one for one in listed if one["id"] == instance_id), None)


async def test_an_instance_can_be_created_started_stopped_and_removed(
    address: Address, http: httpx.AsyncClient
) -> None:
    async with events(address) as stream:
        response = await http.post(INSTANCES)
        assert response.status_code == 202
        operation = response.json()["operation"]
        assert response.headers["Location"] == f"/api/v1/cloud/operations/{operation['id']}"
        assert (operation["command"], operation["status"], operation["actor"]) == (
            "create",
            "pending",
            "anonymous",
        )
        instance_id = operation["instanceId"]
        listed = await instance(http, instance_id)
        assert listed is not None
        assert (listed["state"], listed["pending"]["id"]) == ("stopped", operation["id"])
        for step, state in (("created", "stopped"), ("started", "running"), ("stopped", "stopped")):
            if step != "created":
                command = step.removesuffix("ped").removesuffix("ed")
                assert (await http.post(f"{INSTANCES}/{instance_id}/{command}")).status_code == 202
            received = await stream.until("received", instanceId=instance_id)
            done = await stream.until(step, instanceId=instance_id)
            assert done["operationId"] == received["operationId"]
            assert received["dueAt"] <= done["timestamp"]
            now = await instance(http, instance_id)
            assert now is not None
            assert now == done["instance"]
            assert (now["state"], now["timestamp"]) == (state, done["timestamp"])
            assert "pending" not in now
        assert (await http.delete(f"{INSTANCES}/{instance_id}")).status_code == 202
        await stream.until("removed", instanceId=instance_id)
        assert await instance(http, instance_id) is None
        path = f"/api/v1/cloud/operations/{operation['id']}"
        assert (await http.get(path)).json()["operation"]["status"] == "done"


async def test_the_actor_of_an_operation_is_the_tokens_owner(
    address: Address, http: httpx.AsyncClient
) -> None:
    token = await token_of(address, "operator-1")
    response = await http.post(INSTANCES, headers={"Authorization": f"Bearer {token}"})
    assert response.json()["operation"]["actor"] == "operator-1"


@pytest.mark.parametrize(
    "authorization", ["Bearer nonsense", "Basic x", "Bearer", "Bearer 6f1ed002-ab5e-4c2b-9f0c-6d2b1a0c7e11.x"]
)
async def test_commands_with_an_invalid_token_are_rejected(
    http: httpx.AsyncClient, authorization: str
) -> None:
    before = (await http.get(INSTANCES)).json()["instances"]
    response = await http.post(INSTANCES, headers={"Authorization": authorization})
    problem(response, 401, "token_invalid")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert len((await http.get(INSTANCES)).json()["instances"]) <= len(before)


async def test_invalid_commands_are_rejected_and_name_the_pending_operation(
    address: Address, http: httpx.AsyncClient
) -> None:
    async with events(address) as stream:
        instance_id = await created(http, stream)
    problem(await http.post(f"{INSTANCES}/{instance_id}/stop"), 409, "transition_invalid")
    pending = (await http.post(f"{INSTANCES}/{instance_id}/start")).json()["operation"]["id"]
    refused = problem(await http.delete(f"{INSTANCES}/{instance_id}"), 409, "operation_pending")
    assert refused["operationId"] == pending
    problem(await http.post(f"{INSTANCES}/{uuid4()}/start"), 404, "instance_not_found")
    problem(await http.get(f"/api/v1/cloud/operations/{uuid4().hex}"), 404, "operation_not_found")
    problem(await http.post(INSTANCES, json={"size": "big"}), 422, "invalid_request")
    problem(await http.get("/api/v1/cloud/nothing"), 404, "not_found")
    problem(await http.put(INSTANCES), 405, "method_not_allowed")


async def test_a_pending_operation_can_be_canceled_until_it_is_due(
    address: Address, http: httpx.AsyncClient
) -> None:
    async with events(address) as stream:
        instance_id = await created(http, stream)
        operation = (await http.post(f"{INSTANCES}/{instance_id}/start")).json()["operation"]["id"]
        path = f"/api/v1/cloud/operations/{operation}"
        for _ in range(2):
            cancelled = await http.delete(path)
            assert (cancelled.status_code, cancelled.json()["operation"]["status"]) == (200, "cancelled")
        await stream.until("cancelled", operationId=operation)
        now = await instance(http, instance_id)
        assert now is not None
        assert now["state"] == "stopped"
        assert "pending" not in now
        again = (await http.post(f"{INSTANCES}/{instance_id}/start")).json()["operation"]["id"]
        await stream.until("started", operationId=again)
        problem(await http.delete(f"/api/v1/cloud/operations/{again}"), 409, "operation_finished")


async def test_a_retry_with_the_same_idempotency_key_returns_the_same_response(
    address: Address, http: httpx.AsyncClient
) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    first = await http.post(INSTANCES, headers=key)
    second = await http.post(INSTANCES, headers=key)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    instance_id = first.json()["operation"]["instanceId"]
    async with events(address, since=0) as stream:
        await stream.until("created", instanceId=instance_id)
    later = await http.post(INSTANCES, headers=key)
    assert later.json()["operation"]["id"] == first.json()["operation"]["id"]
    assert later.json()["operation"]["status"] == "done"
    problem(await http.post(f"{INSTANCES}/{instance_id}/start", headers=key), 422, "idempotency_mismatch")
    listed = (await http.get(INSTANCES)).json()["instances"]
    assert [one["id"] for one in listed].count(instance_id) == 1


async def test_concurrent_requests_with_the_same_idempotency_key_run_once(
    address: Address, http: httpx.AsyncClient
) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    responses = await asyncio.gather(*(http.post(INSTANCES, headers=key) for _ in range(10)))
    accepted = [response for response in responses if response.status_code == 202]
    for response in responses:
        if response.status_code != 202:
            problem(response, 409, "idempotency_in_flight")
    assert len({response.json()["operation"]["id"] for response in accepted}) == 1


async def create_with_key(address: Address, key: str) -> dict[str, Any]:
    """Create an instance. ``key``: a key as it is, which a library might change. Returns the body."""
    lines = ("Host: x", "Content-Length: 0", "Connection: close", f"Idempotency-Key:{key}")
    request = "\r\n".join((f"POST {INSTANCES} HTTP/1.1", *lines, "\r\n")).encode()
    connection = await open_raw(address.port, request)
    body: dict[str, Any] = json.loads(await connection.read_all())
    connection.close()
    return body


async def test_whitespace_around_an_idempotency_key_does_not_belong_to_it(address: Address) -> None:
    key = uuid4().hex
    padded = (key, f"{key}   ", f" {key}\t", f" \t{key} ")
    bodies = [await create_with_key(address, one) for one in padded]
    assert len({body["operation"]["id"] for body in bodies}) == 1
    assert (await create_with_key(address, " \t "))["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "at least 1 character"),
        ("x" * 101, "at most 100 characters"),
        ("smörgås", "must match the pattern"),
    ],
)
async def test_an_invalid_idempotency_key_is_rejected(http: httpx.AsyncClient, key: str, reason: str) -> None:
    response = await http.post(INSTANCES, headers=[(b"Idempotency-Key", key.encode("latin-1"))])
    refusal = problem(response, 422, "invalid_request")
    assert refusal["field"] == "Idempotency-Key"
    assert reason in refusal["detail"]


async def test_the_event_stream_resumes_from_any_sequence(address: Address, http: httpx.AsyncClient) -> None:
    async with events(address, since=0) as stream:
        instance_id = await created(http, stream)
        seen = list(stream.seen)
    ids = [int(event["id"]) for event in seen]
    assert ids == sorted(set(ids))
    assert all(event["event"] == "change" and event["data"]["seq"] == int(event["id"]) for event in seen)
    for cut in (0, len(seen) // 2, len(seen) - 2):
        for resume in ({"since": ids[cut]}, {"last_event_id": str(ids[cut])}):
            async with events(address, **resume) as again:
                for expected in seen[cut + 1 :]:
                    assert await again.next() == expected
    assert seen[-1]["data"]["instanceId"] == instance_id


async def test_the_event_stream_resumes_at_a_gateway_that_has_just_started(
    portal: Portal, address: Address, http: httpx.AsyncClient
) -> None:
    async with events(address) as stream:
        await created(http, stream)
        seen = list(stream.seen)
    async with serving(portal.url) as fresh:
        async with events(fresh, since=int(seen[0]["id"])) as again:
            for expected in seen[1:]:
                assert await again.next() == expected


@pytest.mark.parametrize("last_event_id", ["nonsense", "999999999", "-1"])
async def test_an_unknown_event_id_gets_a_reset(address: Address, last_event_id: str) -> None:
    async with events(address, last_event_id=last_event_id) as stream:
        assert (await stream.next())["event"] == "reset"


async def test_the_list_plus_later_events_equals_a_newer_list(
    address: Address, http: httpx.AsyncClient
) -> None:
    before = (await http.get(INSTANCES)).json()
    state = {one["id"]: one for one in before["instances"]}
    async with events(address, since=before["seq"]) as stream:
        first, second = await created(http, stream), await created(http, stream)
        await http.post(f"{INSTANCES}/{first}/start")
        await stream.until("started", instanceId=first)
        await http.delete(f"{INSTANCES}/{second}")
        await stream.until("removed", instanceId=second)
        await http.post(f"{INSTANCES}/{first}/stop")
        while True:
            after = (await http.get(INSTANCES)).json()
            while int(stream.seen[-1]["id"]) < after["seq"]:
                await stream.next()
            if int(stream.seen[-1]["id"]) == after["seq"]:
                break
    for event in stream.seen:
        fold(state, event["data"])
    assert state == {one["id"]: one for one in after["instances"]}


def fold(state: dict[str, Any], change: dict[str, Any]) -> None:
    """Apply a change as a page does: each has the instance after it, or none."""
    state.pop(change["instanceId"], None)
    if "instance" in change:
        state[change["instanceId"]] = change["instance"]
