"""Names, labels and protection of servers, commands for several, and what providers offer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.cloud.commands import EventType, InstanceState
from opsroom_contracts.http import BATCH_MAX
from services.gateway.tests.kit.portal import Portal, gateway_settings, serving
from services.gateway.tests.kit.stored_events import EventWriter, event_writer

pytestmark = pytest.mark.asyncio(loop_scope="module")

INSTANCES = "/api/v1/cloud/instances"
BATCH = "/api/v1/cloud/batch"
HISTORY = "/api/v1/cloud/history"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def writer(portal: Portal) -> AsyncIterator[EventWriter]:
    """A writer of events."""
    async with event_writer(portal.url) as opened:
        yield opened


def unique(what: str) -> str:
    return f"{what}-{uuid4().hex[:8]}"


async def create(http: httpx.AsyncClient, **body: object) -> dict[str, Any]:
    """Create a server. Returns it while it is being created."""
    response = await http.post(INSTANCES, json=body)
    assert response.status_code == 202, response.text
    found = await listed(http, response.json()["operation"]["instanceId"])
    assert found is not None
    return found


async def listed(http: httpx.AsyncClient, instance_id: str) -> dict[str, Any] | None:
    instances = (await http.get(INSTANCES)).json()["instances"]
    return next((one for one in instances if one["id"] == instance_id), None)


async def when_ready(http: httpx.AsyncClient, instance_id: str) -> dict[str, Any]:
    """Wait until no operation of a server is pending."""
    async with asyncio.timeout(30):
        while (found := await listed(http, instance_id)) is None or "pending" in found:
            await asyncio.sleep(0.05)
    return found


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()
    assert found["code"] == code
    return found


async def test_a_server_is_created_as_the_body_says(http: httpx.AsyncClient) -> None:
    name = unique("web")
    server = await create(http, name=name, labels={"env": "prod"}, start=True)
    assert (server["name"], server["labels"], server["state"]) == (name, {"env": "prod"}, "stopped")
    done = await when_ready(http, server["id"])
    assert (done["state"], done["name"], done["labels"]) == ("running", name, {"env": "prod"})
    refused = problem(await http.post(INSTANCES, json={"name": name}), 409, "name_taken")
    assert refused["field"] == "name"


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"size": 1}, "size", "not permitted"),
        ({"name": "Web"}, "name", "a-z"),
        ({"name": "x" * 64}, "name", "at most 63"),
        ({"labels": {f"k{n}": "v" for n in range(17)}}, "labels", "at most 16"),
        ({"start": "yes"}, "start", "true or false"),
        ({"template": "nothing"}, "template", "nothing"),
    ],
)
async def test_an_invalid_server_names_the_field_and_the_limit(
    http: httpx.AsyncClient, body: dict[str, object], field: str, reason: str
) -> None:
    response = await http.post(INSTANCES, json=body)
    assert response.status_code == 422
    assert response.json()["field"].startswith(field)
    assert reason in response.json()["detail"]


async def test_a_change_makes_all_its_operations_once_and_returns_the_server(http: httpx.AsyncClient) -> None:
    first, second = unique("web"), unique("db")
    server = await create(http, name=first, labels={"a": "1", "b": "2"})
    patch = {"name": second, "labels": {"a": None, "c": "3"}, "protected": True}
    key = {"Idempotency-Key": uuid4().hex}
    changed = await http.patch(f"{INSTANCES}/{first}", json=patch, headers=key)
    assert changed.status_code == 200, changed.text
    body = changed.json()
    assert [one["command"] for one in body["operations"]] == ["rename", "label", "protect"]
    assert body["instance"]["id"] == server["id"]
    assert (body["instance"]["name"], body["instance"]["protected"]) == (second, True)
    assert body["instance"]["labels"] == {"b": "2", "c": "3"}
    again = await http.patch(f"{INSTANCES}/{first}", json=patch, headers=key)
    assert again.status_code == 200, again.text
    assert [one["id"] for one in again.json()["operations"]] == [one["id"] for one in body["operations"]]
    await when_ready(http, server["id"])
    problem(await http.delete(f"{INSTANCES}/{second}"), 409, "protected")
    freed = await http.patch(f"{INSTANCES}/{second}", json={"protected": False})
    assert freed.json()["instance"]["protected"] is False
    assert (await http.delete(f"{INSTANCES}/{second}")).status_code == 202


async def test_a_change_that_can_not_be_made_as_a_whole_is_not_begun(http: httpx.AsyncClient) -> None:
    taken, mine = unique("a"), unique("b")
    await create(http, name=taken)
    server = await create(http, name=mine, labels={f"k{number}": "v" for number in range(16)})
    both = {"name": taken, "protected": True}
    assert problem(await http.patch(f"{INSTANCES}/{mine}", json=both), 409, "name_taken")["field"] == "name"
    many = {"name": unique("c"), "labels": {"one-more": "v"}}
    refused = problem(await http.patch(f"{INSTANCES}/{mine}", json=many), 422, "invalid_request")
    assert (refused["field"], "limit is 16" in refused["detail"]) == ("labels", True)
    now = await listed(http, server["id"])
    assert now is not None
    assert (now["name"], now["protected"]) == (mine, False)


@pytest.mark.parametrize("body", [{}, {"name": None}, {"labels": {}}, {"state": "running"}, []])
async def test_a_change_of_nothing_or_of_something_else_is_refused(
    http: httpx.AsyncClient, body: object
) -> None:
    problem(await http.patch(f"{INSTANCES}/anything", json=body), 422, "invalid_request")


async def test_an_unknown_server_can_not_be_changed(http: httpx.AsyncClient) -> None:
    response = await http.patch(f"{INSTANCES}/nobody", json={"protected": True})
    problem(response, 404, "instance_not_found")


async def test_a_batch_has_an_operation_or_a_problem_for_each_and_a_key_too(http: httpx.AsyncClient) -> None:
    one, two = await create(http, name=unique("web")), await create(http)
    for server in (one, two):
        await when_ready(http, server["id"])
    batch = {"command": "start", "ids": [one["name"], "nobody", two["id"]]}
    key = {"Idempotency-Key": uuid4().hex}
    response = await http.post(BATCH, json=batch, headers=key)
    assert response.status_code == 200, response.text
    results = response.json()["results"]
    assert [result["id"] for result in results] == batch["ids"]
    assert [result.get("problem", {}).get("code") for result in results] == [None, "instance_not_found", None]
    assert results[0]["operation"]["instanceId"] == one["id"]
    again = (await http.post(BATCH, json=batch, headers=key)).json()["results"]
    assert [again[at]["operation"]["id"] for at in (0, 2)] == [
        results[at]["operation"]["id"] for at in (0, 2)
    ]


async def test_a_selector_commands_the_servers_with_all_its_labels_by_name(http: httpx.AsyncClient) -> None:
    group = unique("g")
    names = sorted((unique("s") for _ in range(3)), reverse=True)
    servers = [await create(http, name=name, labels={"group": group, "env": "prod"}) for name in names]
    other = await create(http, labels={"group": group, "env": "test"})
    for server in (*servers, other):
        await when_ready(http, server["id"])
    batch = {"command": "start", "selector": f"group={group},env=prod"}
    results = (await http.post(BATCH, json=batch)).json()["results"]
    assert [result["id"] for result in results] == [server["id"] for server in reversed(servers)]
    assert all("operation" in result for result in results)
    nothing = (await http.post(BATCH, json={"command": "stop", "selector": f"group={group}x"})).json()
    assert nothing == {"results": []}


@pytest.mark.parametrize(
    ("batch", "field", "reason"),
    [
        ({"command": "start"}, "ids", "or selector"),
        ({"command": "start", "ids": ["a"], "selector": "a=b"}, "ids", "not both"),
        ({"command": "start", "ids": []}, "ids", "at least 1"),
        ({"command": "start", "ids": ["a", "b", "a"]}, "ids.2", "twice"),
        (
            {"command": "start", "ids": [f"i{number}" for number in range(BATCH_MAX + 1)]},
            "ids",
            "at most 100",
        ),
        ({"command": "start", "ids": ["a b"]}, "ids.0", "pattern"),
        ({"command": "create", "ids": ["a"]}, "command", "start"),
        ({"command": "start", "selector": "env"}, "selector", "env=prod"),
        ({"command": "start", "selector": ""}, "selector", "at least 1 character"),
        ({"command": "start", "ids": ["a"], "force": True}, "force", "not permitted"),
    ],
)
async def test_an_invalid_batch_names_the_field_and_the_limit(
    http: httpx.AsyncClient, batch: dict[str, object], field: str, reason: str
) -> None:
    refused = problem(await http.post(BATCH, json=batch), 422, "invalid_request")
    assert refused["field"] == field
    assert reason in refused["detail"]


async def test_a_selector_that_matches_too_many_is_refused(
    http: httpx.AsyncClient, writer: EventWriter
) -> None:
    label = unique("many")
    facts: dict[str, Any] = {"labels": {label: "yes"}}
    sequences = await asyncio.gather(
        *(writer.outside(unique("m"), EventType.OBSERVED, InstanceState.STOPPED, **facts) for _ in range(101))
    )
    async with asyncio.timeout(30):
        while (await http.get(INSTANCES)).json()["seq"] < max(sequences):
            await asyncio.sleep(0.02)
    batch = {"command": "remove", "selector": f"{label}=yes"}
    refused = problem(await http.post(BATCH, json=batch), 422, "invalid_request")
    assert (refused["field"], "101 servers, and the limit is 100" in refused["detail"]) == ("selector", True)


async def test_each_command_of_a_batch_counts_for_the_rate_limit(portal: Portal) -> None:
    limited = gateway_settings(exempt_addresses=(), commands_per_second=0.001, commands_burst=2)
    async with serving(portal.url, limited) as address, address.requests() as client:
        batch = {"command": "stop", "ids": ["a", "b", "c"]}
        results = (await client.post(BATCH, json=batch)).json()["results"]
        codes = [result["problem"]["code"] for result in results]
        assert codes == ["instance_not_found", "instance_not_found", "rate_limited"]
        assert results[2]["problem"]["retryAfter"] > 0


async def test_the_past_of_a_server_is_found_by_its_name(http: httpx.AsyncClient) -> None:
    name = unique("web")
    server = await create(http, name=name)
    by_name = (await http.get(HISTORY, params={"instance": name})).json()["events"]
    by_id = (await http.get(HISTORY, params={"instance": server["id"]})).json()["events"]
    assert by_name == by_id[: len(by_name)]
    assert [one["instanceId"] for one in by_name] == [server["id"]] * len(by_name)
    assert (await http.get(HISTORY, params={"instance": "nobody"})).json()["events"] == []


async def test_the_simulated_provider_is_listed_with_its_template(http: httpx.AsyncClient) -> None:
    providers = (await http.get("/api/v1/cloud/providers")).json()["providers"]
    simulated = next(one for one in providers if one["name"] == "simulated")
    assert simulated["connected"] is True
    templates = (await http.get("/api/v1/cloud/templates")).json()["templates"]
    assert ("simulated", "simulated") in [(one["provider"], one["name"]) for one in templates]


async def test_what_can_be_adopted_depends_on_the_provider(http: httpx.AsyncClient) -> None:
    unknown = problem(await http.get("/api/v1/cloud/providers/nothing/adoptable"), 404, "provider_unknown")
    assert (unknown["field"], "simulated" in unknown["detail"]) == ("provider", True)
    problem(await http.get("/api/v1/cloud/providers/simulated/adoptable"), 409, "unsupported")
    adoption = {"provider": "nothing", "resource": "r-1"}
    response = await http.post("/api/v1/cloud/adoptions", json=adoption)
    assert response.json()["code"] == "provider_unknown", response.text
    long = await http.post("/api/v1/cloud/adoptions", json=adoption | {"resource": "r" * 255})
    assert long.json()["code"] == "provider_unknown"  # longer than the target of an audit entry
    missing = problem(await http.post("/api/v1/cloud/adoptions", json={}), 422, "invalid_request")
    assert missing["field"] == "provider"
