"""Protection against pages of other sites: origins, headers, and TLS."""

import ssl
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from opsroom_gateway.middleware.origin_check import is_same_origin
from services.gateway.tests.kit.portal import Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = "https://page.example"
EVIL = "https://evil.example"
WS_PATHS = ("/api/v1/chat/ws", "/chat/", "/cloud/")
HTTP = (
    ("GET", "/api/v1/cloud/events"),
    ("GET", "/cloud/sse"),
    ("POST", "/api/v1/cloud/instances"),
    ("POST", "/cloud/"),
)


async def test_pages_of_other_origins_can_open_no_socket_or_stream(portal: Portal) -> None:
    async with serving(portal.url, gateway_settings(allowed_origins=(PAGE,))) as address:
        own = f"http://127.0.0.1:{address.port}"
        for path in WS_PATHS:
            for origin in (EVIL, "null", "http://127.0.0.1:1", "https://page.example.evil.example"):
                with pytest.raises(InvalidStatus) as refused:
                    async with connect(address.ws + path, origin=origin):  # type: ignore[arg-type]
                        pass
                assert refused.value.response.status_code == 403
            for allowed in (PAGE, own, None):
                async with connect(address.ws + path, origin=allowed):  # type: ignore[arg-type]
                    pass
        async with address.requests() as client:
            for method, path in HTTP:
                response = await client.request(method, path, headers={"Origin": EVIL})
                assert response.status_code == 403, path
                assert "Access-Control-Allow-Origin" not in response.headers
            response = await client.post("/api/v1/cloud/instances", headers={"Origin": EVIL})
            assert response.json()["code"] == "origin_refused"
            assert (await client.post("/api/v1/cloud/instances", headers={"Origin": own})).status_code == 202
            assert (await client.get("/api/v1/cloud/instances", headers={"Origin": PAGE})).status_code == 200


async def test_outside_open_mode_other_origins_are_rejected_by_default(portal: Portal) -> None:
    changed = {"access": "token", "tokens": ("a viewer sha256:" + "0" * 64,)}
    async with serving(portal.url, gateway_settings(**changed)) as address, address.requests() as client:
        response = await client.get("/api/v1/session", headers={"Origin": PAGE})
        assert response.status_code == 403


@pytest.mark.parametrize(
    ("origin", "host", "same_origin"),
    [
        ("http://a.example", "a.example", True),
        ("https://a.example", "a.example", True),
        ("http://a.example", "a.example:80", True),
        ("http://A.example:8000", "a.example:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://a.example:8000", "a.example", False),
        ("http://a.example.evil", "a.example", False),
        ("http://evil@a.example", "a.example:81", False),
        ("file://a.example", "a.example", False),
        ("null", "a.example", False),
        ("", "", False),
        ("http://", "", False),
        ("http://a.example:x", "a.example", False),
    ],
)
async def test_same_origin_compares_host_and_port(origin: str, host: str, same_origin: bool) -> None:
    assert is_same_origin(origin, host) is same_origin


@pytest.mark.parametrize(
    ("headers", "role"),
    [
        ({}, "admin"),
        ({"Host": "localhost:1"}, "admin"),
        ({"Host": "[::1]:1"}, "admin"),
        ({"Host": "127.0.0.1:1", "Origin": "http://127.0.0.1:1"}, "admin"),
        ({"Origin": EVIL}, "operator"),
        ({"Origin": "null"}, "operator"),
        ({"Host": "127.0.0.1:1", "Origin": "http://127.0.0.1:2"}, "operator"),
        # DNS rebinding: the page's own name resolves to this machine, so it is same-origin.
        ({"Host": "evil.example"}, "operator"),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, "operator"),
        ({"Host": "127.0.0.1.evil.example"}, "operator"),
        ({"Host": ""}, "operator"),
    ],
)
async def test_in_open_mode_a_page_of_another_site_does_not_count_as_local(
    portal: Portal, headers: dict[str, str], role: str
) -> None:
    settings = gateway_settings(open_moderation=True)
    async with serving(portal.url, settings) as address, address.requests() as client:
        assert (await client.get("/api/v1/session", headers=headers)).json()["role"] == role
        assert (await client.get("/api/v1/audit", headers=headers)).status_code == (
            200 if role == "admin" else 401
        )


async def test_every_response_has_security_headers(portal: Portal, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for folder in (tmp_path, tmp_path / "docs"):
        (folder / "index.html").write_text("<!doctype html>")
    async with serving(portal.url, gateway_settings(frontend=str(tmp_path))) as address:
        async with address.requests() as client:
            for path in (
                "/",
                "/healthz",
                "/api/v1/session",
                "/docs/",
                "/redoc",
                "/nothing",
                "/chat/nothing",
                "/cloud/",
            ):
                headers = (await client.get(path)).headers
                assert headers["X-Content-Type-Options"] == "nosniff", path
                assert headers["Referrer-Policy"] == "no-referrer"
                assert headers["X-Frame-Options"] == "DENY"
                assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
                assert "Strict-Transport-Security" not in headers
                assert "Set-Cookie" not in headers
                assert "://" not in headers["Content-Security-Policy"]  # no scripts or styles of other sites
            # FastAPI's own pages load scripts of others; at /docs/ is Opsroom's documentation.
            assert (await client.get("/redoc")).status_code == 404
            assert (await client.get("/docs")).headers["Location"].endswith("/docs/")
            docs = (await client.get("/docs/")).headers["Content-Security-Policy"]
            assert docs.startswith("default-src 'self'; style-src 'self' 'unsafe-inline'")
            assert "script-src" not in docs
            assert "connect-src" not in docs
            assert "script-src 'self'" in (await client.get("/")).headers["Content-Security-Policy"]
            # The worker loads the files of the page; its policy is that of its script.
            worker = (await client.get("/service-worker.js")).headers["Content-Security-Policy"]
            assert worker == "default-src 'none'; connect-src 'self'; frame-ancestors 'none'"
            data = (await client.get("/api/v1/session")).headers["Content-Security-Policy"]
            assert data.startswith("default-src 'none'")
            # The headers of a 304 replace those of the cached page.
            etag = (await client.get("/")).headers["ETag"]
            again = await client.get("/", headers={"If-None-Match": etag})
            assert again.status_code == 304
            assert "Content-Security-Policy" not in again.headers


async def test_behind_a_tls_proxy_responses_have_hsts(portal: Portal) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.1"}
    async with serving(portal.url, gateway_settings(trusted_proxies=("127.0.0.1",))) as address:
        async with address.requests() as client:
            assert (
                "max-age"
                in (await client.get("/healthz", headers=forwarded)).headers["Strict-Transport-Security"]
            )
    async with portal.gateway.requests() as client:
        assert "Strict-Transport-Security" not in (await client.get("/healthz", headers=forwarded)).headers


async def test_the_gateway_serves_tls_if_configured(portal: Portal, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    trust = ssl.create_default_context(cafile=str(cert))
    async with serving(portal.url, gateway_settings(tls_cert=cert, tls_key=key)) as address:
        async with httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{address.port}", verify=trust, timeout=30
        ) as client:
            response = await client.get("/healthz")
            assert response.status_code == 200
            assert "Strict-Transport-Security" in response.headers
        async with connect(f"wss://127.0.0.1:{address.port}/cloud/", ssl=trust) as socket:
            assert await socket.recv() == '"connection"'
