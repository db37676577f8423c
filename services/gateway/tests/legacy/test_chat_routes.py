"""`POST /chat/new-user`, and CORS of the course contract."""

import json
from uuid import UUID, uuid4

import httpx
import pytest

from opsroom_testkit.broker import BrokerProcess
from services.gateway.tests.kit.course_clients import course_client, registered
from services.gateway.tests.kit.portal import Address, gateway_settings, portal_at, serving
from services.gateway.tests.kit.portal import Portal as WholePortal

pytestmark = pytest.mark.asyncio(loop_scope="module")

TAKEN = {"status": "error", "message": "This name is already taken!"}


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "text/plain;charset=UTF-8", "x/y", None])
async def test_a_name_can_be_registered_with_any_content_type(
    http: httpx.AsyncClient, kind: str | None
) -> None:
    name = f"reg-{uuid4().hex[:20]}"
    headers = {} if kind is None else {"Content-Type": kind}
    response = await http.post("/chat/new-user", content=json.dumps({"name": name}), headers=headers)
    assert response.status_code == 200
    body = response.json()
    assert body == {"status": "ok", "user": {"id": body["user"]["id"], "name": name}}
    assert str(UUID(body["user"]["id"])) == body["user"]["id"]
    assert response.headers["Content-Type"] == "application/json"


async def test_a_name_is_trimmed_and_unknown_fields_are_ignored(http: httpx.AsyncClient) -> None:
    response = await http.post("/chat/new-user", json={"name": "  trimmed ", "age": 7})
    assert response.status_code == 200
    assert response.json()["user"]["name"] == "trimmed"


@pytest.mark.parametrize("again", ["taken", "TAKEN", " taken ", "ｔaken"])
async def test_a_taken_name_is_rejected_with_the_contracts_message(
    http: httpx.AsyncClient, again: str
) -> None:
    await http.post("/chat/new-user", json={"name": "taken"})
    response = await http.post("/chat/new-user", json={"name": again})
    assert (response.status_code, response.json()) == (409, TAKEN)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "must be JSON"),
        (b"{", "must be JSON"),
        (b'{"name": "x"', "must be JSON"),
        (b"\xff\xfe\xfa", "must be JSON"),
        (b'{"name": "\xc3\x28"}', "must be JSON"),
        (b"[" * 60_000, "nested more than 32 deep"),
        (b'{"name":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "nested more than 32 deep"),
        (b"[" * 100_000, "more than 65536 bytes"),
        (b'{"name": "' + b"x" * 1_000_000 + b'"}', "more than 65536 bytes"),
        (b"null", "must be a JSON object"),
        (b'"str"', "must be a JSON object"),
        (b"[]", "must be a JSON object"),
        (b"17", "must be a JSON object"),
        (b"{}", "must be a JSON object"),
        (b'{"name": null}', "must be a JSON object"),
        (b'{"name": 1}', "must be a JSON object"),
        (b'{"name": {"name": "x"}}', "must be a JSON object"),
        (b'{"name": ""}', "must not be empty"),
        (b'{"name": " \\t\\n "}', "must not be empty"),
        (b'{"name": "a\\u0000b"}', "must not contain control characters"),
        (b'{"name": "a\\u202eb"}', "must not contain invisible"),
        (b'{"name": "\\ud800"}', "must not contain broken characters"),
        (b'{"name": "' + b"x" * 33 + b'"}', "has 33 characters, the limit is 32"),
        (b'{"name": "' + b"x" * 300 + b'"}', "too long"),
    ],
    ids=lambda value: value[:24].decode(errors="replace") if isinstance(value, bytes) else None,
)
async def test_an_invalid_registration_is_rejected_with_the_reason(
    http: httpx.AsyncClient, body: bytes, message: str
) -> None:
    response = await http.post("/chat/new-user", content=body)
    assert response.status_code == 400
    assert set(response.json()) == {"status", "message"}
    assert response.json()["status"] == "error"
    assert message in response.json()["message"]
    alive = await http.post("/chat/new-user", json={"name": f"alive-{uuid4().hex[:20]}"})
    assert alive.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/chat"), ("GET", "/chat/"), ("GET", "/chat/new-user"), ("POST", "/chat/x")]
)
async def test_unknown_routes_return_errors_in_the_contracts_format(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await http.request(method, path)
    assert response.status_code == 404
    assert response.json()["status"] == "error"


@pytest.mark.parametrize("path", ["/chat/new-user/", "/chat/New-User", "/CHAT/NEW-USER/"])
async def test_paths_match_in_any_case_and_with_a_trailing_slash(http: httpx.AsyncClient, path: str) -> None:
    response = await http.post(path, json={"name": f"r-{uuid4().hex[:12]}"})
    assert response.status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PROPFIND"])
@pytest.mark.parametrize(
    "path", ["/chat/new-user", "/chat/x", "/cloud/some/thing", "/chat/new-user//", "/dashboard/a/b"]
)
async def test_other_methods_and_paths_are_not_found(http: httpx.AsyncClient, method: str, path: str) -> None:
    response = await http.request(method, path)
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/json")


@pytest.mark.parametrize("path", ["/chat/new-user", "/chat/new-user/", "/cloud/", "/cloud", "/cloud/some-id"])
async def test_a_preflight_allows_the_requested_headers(http: httpx.AsyncClient, path: str) -> None:
    asked = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, x-anything",
    }
    response = await http.options(path, headers=asked)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Headers"] == "content-type, x-anything"
    methods = set(response.headers["Access-Control-Allow-Methods"].split(", "))
    assert {"GET", "POST", "PATCH", "DELETE"} <= methods


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/chat/new-user"), ("GET", "/cloud/"), ("GET", "/chat/nothing"), ("DELETE", "/cloud/unknown")],
)
async def test_every_response_can_be_read_by_any_page(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await http.request(method, path, headers={"Origin": "http://localhost:3000"})
    assert response.headers.get_list("Access-Control-Allow-Origin") == ["*"]


async def test_only_allowed_origins_can_read_responses_if_configured(portal: WholePortal) -> None:
    settings = gateway_settings(allowed_origins=("https://desk.example",))
    async with serving(portal.url, settings) as address, address.requests() as http:
        for path in ("/chat/x", "/cloud/", "/api/v1/chat/users"):
            mine = await http.get(path, headers={"Origin": "https://desk.example"})
            assert mine.headers["Access-Control-Allow-Origin"] == "https://desk.example"
            other = await http.get(path, headers={"Origin": "https://other.example"})
            assert "Access-Control-Allow-Origin" not in other.headers


async def test_a_name_registered_by_the_api_is_taken_for_course_clients(http: httpx.AsyncClient) -> None:
    response = await http.post("/api/v1/chat/users", json={"name": "both-sides"})
    assert response.status_code == 201
    response = await http.post("/chat/new-user", json={"name": "Both-Sides"})
    assert (response.status_code, response.json()) == (409, TAKEN)


async def test_a_registration_without_a_socket_expires_and_frees_the_name(
    broker_process: BrokerProcess, agent: str
) -> None:
    settings = gateway_settings(course_binding_seconds=1.0)
    async with portal_at(broker_process.url, settings) as whole, whole.gateway.requests(agent) as http:
        await registered(http, "briefly")
        async with course_client(whole.gateway, "another browser") as watcher:
            await watcher.listed("briefly")
            await watcher.listed()
        await registered(http, "briefly")


async def test_a_registration_is_announced_to_open_sockets(address: Address, agent: str) -> None:
    async with course_client(address, agent) as early, address.requests(agent) as http:
        await early.receive()
        user = await registered(http, "after-the-socket")
        while user not in json.loads(await early.receive()):
            pass
