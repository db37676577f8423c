"""JSON at the limits of a parser, in bodies and frames: taken, or refused with the reason."""

from uuid import uuid4

import httpx
import pytest

from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.portal import Address

pytestmark = pytest.mark.asyncio(loop_scope="module")


_JSON = {"Content-Type": "application/json"}
_EXTRA = "other: is not permitted"
_DEEP = "nested more than 32 deep"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("9" * 5_000, "a number in the body has more than 4300 digits"),
        ("1e99999", _EXTRA),
        ("NaN", _EXTRA),
        ("-Infinity", _EXTRA),
        ("[" * 31 + "]" * 31, _EXTRA),
        ("[" * 32 + "]" * 32, _DEEP),
        ("[" * 30_000 + "]" * 30_000, _DEEP),
        ('"\xff"', "the body is not JSON in UTF-8"),
    ],
    ids=["digits", "exponent", "NaN", "Infinity", "nested", "deep", "very deep", "encoding"],
)
async def test_a_body_of_the_api_is_refused_with_the_reason(
    http: httpx.AsyncClient, value: str, reason: str
) -> None:
    body = f'{{"name": "x", "other": {value}}}'.encode("latin-1")
    response = await http.post("/api/v1/chat/users", content=body, headers=_JSON)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert reason in response.json()["detail"]


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("9" * 5_000, True),
        ("1e99999", True),
        ("NaN", False),
        ("-Infinity", False),
        ("[" * 31 + "]" * 31, True),
        ("[" * 32 + "]" * 32, False),
    ],
    ids=["digits", "exponent", "NaN", "Infinity", "nested", "deep"],
)
async def test_a_body_of_the_course_contract_is_taken_or_refused_with_the_reason(
    http: httpx.AsyncClient, value: str, accepted: bool
) -> None:
    body = f'{{"name": "ignored", "other": {value}, "name": "x-{uuid4().hex[:12]}"}}'
    registered = await http.post("/chat/new-user", content=body)
    changed = await http.patch("/cloud/unknown", content=f'{{"state": "running", "other": {value}}}')
    reason = _DEEP if "[" in value else "The body must be JSON."
    assert registered.status_code == (200 if accepted else 400)
    assert changed.status_code == (404 if accepted else 400)
    assert ("Instance not found" if accepted else reason) in changed.json()["message"]
    if accepted:
        assert registered.json()["user"]["name"].startswith("x-")
    else:
        assert reason in registered.json()["message"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("9" * 5_000, "number out of range"),
        ("1e99999", "text"),
        ("NaN", "text"),
        ("[" * 31 + "]" * 31, "text"),
        ("[" * 40 + "]" * 40, "nested more than 32 levels deep"),
        ("[" * 30_000 + "]" * 30_000, "nested more than 32 levels deep"),
    ],
    ids=["digits", "exponent", "NaN", "nested", "deep", "very deep"],
)
async def test_a_frame_of_the_api_is_refused_with_the_reason(
    address: Address, value: str, reason: str
) -> None:
    async with person(address) as client:
        await client.socket.send(f'{{"type":"send","clientId":"x","room":"main","text":{value}}}')
        error = await client.receive("error")
        assert error["code"] == "invalid_request"
        assert reason in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "detail"),
    [
        ("POST", "/chat/users", None, "the body is required"),
        ("POST", "/chat/users", "[]", "the body must be an object"),
        (
            "POST",
            "/chat/users",
            '{"name": "\\ud83d"}',
            "name: must be valid Unicode text, without unpaired surrogates",
        ),
        ("POST", "/chat/users", '{"name": 7}', "name: must be text"),
        ("GET", "/chat/rooms/general/messages?before=x", None, "before: must be an integer"),
        ("GET", "/chat/rooms/general/messages?limit=0", None, "limit: must be at least 1"),
        ("GET", "/chat/rooms/general/messages?limit=201", None, "limit: must be at most 200"),
        ("GET", "/cloud/history?type=x", None, "type: must be 'requested', 'approved',"),
        ("GET", "/cloud/history?from=2026-13-01T00:00:00Z", None, "from: must be a date and time like"),
        ("GET", "/cloud/operations/a.b", None, "operation_id: must match the pattern"),
    ],
)
async def test_a_refusal_has_no_words_of_a_library(
    http: httpx.AsyncClient, method: str, path: str, body: str | None, detail: str
) -> None:
    response = await http.request(method, f"/api/v1{path}", content=body, headers=_JSON)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request"), response.text
    assert response.json()["detail"].startswith(detail)
