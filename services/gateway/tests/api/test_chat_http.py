"""`/api/v1/chat` over HTTP: registration, history, users; also health, CORS and OpenAPI."""

from uuid import uuid4

import httpx
import pytest

from opsroom_gateway.app import describe
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

USERS = "/api/v1/chat/users"
MESSAGES = "/api/v1/chat/rooms/general/messages"


async def test_registration_returns_an_id_and_a_token(http: httpx.AsyncClient) -> None:
    response = await http.post(USERS, json={"name": "  Ａnna  "})
    assert response.status_code == 201
    assert response.json()["user"]["name"] == "Ａnna"
    assert len(response.json()["token"]) > 43
    taken = await http.post(USERS, json={"name": "ANNA"})
    assert (taken.status_code, taken.json()["code"], taken.json()["field"]) == (409, "name_taken", "name")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"name":""}', "name_invalid"),
        ('{"name":"   "}', "name_invalid"),
        ('{"name":"' + "x" * 33 + '"}', "name_invalid"),
        ('{"name":"a\\u200bb"}', "name_invalid"),
        ('{"name":"a\\u202eb"}', "name_invalid"),
        ('{"name":7}', "invalid_request"),
        ("{}", "invalid_request"),
        ('{"name":"x","age":1}', "invalid_request"),
        ("null", "invalid_request"),
        ('"x"', "invalid_request"),
        ("[]", "invalid_request"),
        ("{", "invalid_request"),
        ("", "invalid_request"),
        ("[" * 50_000, "invalid_request"),
    ],
)
async def test_an_invalid_registration_returns_a_problem(
    http: httpx.AsyncClient, body: str, code: str
) -> None:
    response = await http.post(USERS, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == code


async def test_history_can_be_paged_backwards_and_forwards(address: Address, http: httpx.AsyncClient) -> None:
    async with person(address) as someone:
        sequences = [(await someone.say(f"{n}"))["seq"] for n in range(12)]
    last = (await http.get(MESSAGES, params={"limit": 5})).json()["messages"]
    assert [message["seq"] for message in last] == sequences[-5:]
    before = (await http.get(MESSAGES, params={"limit": 5, "before": sequences[-5]})).json()["messages"]
    assert [message["seq"] for message in before] == sequences[-10:-5]
    after = (await http.get(MESSAGES, params={"limit": 3, "after": sequences[2]})).json()["messages"]
    assert [message["seq"] for message in after] == sequences[3:6]
    assert set(after[0]) == {"seq", "id", "room", "user", "text", "timestamp", "clientId"}


async def test_a_page_of_history_says_whether_there_are_more_messages(
    address: Address, http: httpx.AsyncClient
) -> None:
    async with person(address) as someone:
        sequences = [(await someone.say("字" * 4000))["seq"] for _ in range(62)]
    first = sequences[0]
    page = (await http.get(MESSAGES, params={"limit": 62})).json()
    assert 1 < len(page["messages"]) < 62  # a page has a limit in bytes, too
    assert page["next"] == page["messages"][0]["seq"]
    rest = (await http.get(MESSAGES, params={"limit": 60, "before": page["next"]})).json()
    assert [one["seq"] for one in rest["messages"] + page["messages"] if one["seq"] >= first] == sequences
    full = (await http.get(MESSAGES, params={"limit": 2})).json()
    assert full["next"] == sequences[-2]
    forwards = (await http.get(MESSAGES, params={"limit": 1, "after": sequences[-2]})).json()
    assert forwards["next"] == sequences[-1]
    for end in ({"limit": 5, "after": sequences[-1]}, {"limit": 5, "before": 1}):
        nothing = (await http.get(MESSAGES, params=end)).json()
        assert nothing["messages"] == []
        assert "next" not in nothing


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (MESSAGES + "?limit=0", 422, "invalid_request"),
        (MESSAGES + "?limit=201", 422, "invalid_request"),
        (MESSAGES + "?before=x", 422, "invalid_request"),
        (MESSAGES + "?before=1&after=1", 422, "invalid_request"),
        ("/api/v1/chat/rooms/nowhere/messages", 404, "room_unknown"),
        ("/api/v1/chat/rooms/A*/messages", 422, "invalid_request"),
        ("/api/v1/nothing", 404, "not_found"),
    ],
)
async def test_an_invalid_request_returns_a_problem(
    http: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    response = await http.get(path)
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_users_are_listed_while_they_are_connected(address: Address, http: httpx.AsyncClient) -> None:
    name = f"listed-{uuid4().hex[:8]}"
    async with person(address, name=name):
        assert name in [user["name"] for user in (await http.get(USERS)).json()["users"]]


async def test_health_checks_report_a_live_and_ready_gateway(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json()["status"] == "ok"
    ready = await http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ok", "checks": {"broker": True, "chat": True, "cloud": True}}


async def test_pages_of_allowed_origins_may_call(portal: Portal) -> None:
    async with serving(portal.url, gateway_settings(allowed_origins=("https://page.example",))) as strict:
        async with strict.requests() as client:
            for origin, allowed in (("https://page.example", True), ("https://evil.example", False)):
                response = await client.get(USERS, headers={"Origin": origin})
                assert (response.headers.get("Access-Control-Allow-Origin") == origin) is allowed
            preflight = await client.options(
                "/api/v1/cloud/instances",
                headers={
                    "Origin": "https://page.example",
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "authorization,idempotency-key",
                },
            )
            assert preflight.status_code in {200, 204}
            allowed_headers = preflight.headers["Access-Control-Allow-Headers"].lower()
            assert "idempotency-key" in allowed_headers


async def test_the_openapi_document_has_every_path_and_error(http: httpx.AsyncClient) -> None:
    described = (await http.get("/openapi.json")).json()
    assert {
        "/api/v1/chat/users",
        "/api/v1/chat/rooms/{room}/messages",
        "/api/v1/cloud/instances",
        "/api/v1/cloud/instances/{instance_id}/start",
        "/api/v1/cloud/instances/{instance_id}/stop",
        "/api/v1/cloud/instances/{instance_id}",
        "/api/v1/cloud/operations/{operation_id}",
        "/api/v1/cloud/events",
        "/healthz",
        "/readyz",
    } <= set(described["paths"])
    assert described == describe()  # the page's types are generated from the latter
    assert "Problem" in described["components"]["schemas"]
    conflict = described["paths"]["/api/v1/chat/users"]["post"]["responses"]["409"]
    assert "name_taken" in conflict["content"]["application/problem+json"]["examples"]
    granted = described["paths"]["/api/v1/cloud/instances"]["post"]["responses"]["202"]
    assert granted["content"]["application/json"]["example"]["operation"]["status"] == "pending"
