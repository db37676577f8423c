"""The client address that nginx forwards, checked with a real nginx and our configuration."""

import asyncio
import gzip
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from opsroom_client import Opsroom
from opsroom_gateway.auth.static_tokens import make_token
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.ports import free_port
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.portal import gateway_settings, portal_at

ROOT = Path(__file__).parents[2]
NGINX = ROOT / "deploy" / "nginx"
PROXY, STRANGER = "127.0.0.2", "127.0.0.1"
PUBLISHED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
STOP_SECONDS = 20.0


def configured(folder: Path, port: int, gateway: int, course: tuple[int, int] | None = None) -> Path:
    """Our own configuration, but for its places, and with ``PROXY`` for one network of the engine."""
    text = (NGINX / "nginx.conf").read_text(encoding="utf-8")
    chat, dashboard = course or (free_port(), free_port())
    for ours, here, count in (
        ("/tmp/", f"{folder}/", 7),
        ("/usr/share/nginx/html", str(folder), 1),
        ("listen 8080;", f"listen 127.0.0.1:{port};", 1),
        ("listen 3000;", f"listen 127.0.0.1:{chat};", 1),
        ("listen 3001;", f"listen 127.0.0.1:{dashboard};", 1),
        ("172.16.0.0/12", f"{PROXY}/32", 2),
    ):
        assert text.count(ours) == count, ours
        text = text.replace(ours, here)
    path = folder / "nginx.conf"
    path.write_text(text, encoding="utf-8")
    shutil.copy(NGINX / "proxy.conf", folder)
    place(folder, f"127.0.0.1:{gateway}")
    (folder / "mime.types").write_text("types { text/html html; }", encoding="utf-8")
    (folder / "index.html").write_text("<!doctype html>", encoding="utf-8")
    return path


def place(folder: Path, gateway: str) -> None:
    """Write where gateways are as the image does, with its own script, which then finds no nginx to start."""
    script = (NGINX / "start.sh").read_text(encoding="utf-8").replace("/tmp/", f"{folder}/")
    script = script.replace("exec nginx", "exec true")
    environ = {"PATH": os.environ["PATH"], "GATEWAY_ADDRESS": gateway}
    subprocess.run(["sh", "-c", script], env=environ, check=True, capture_output=True, timeout=10)


async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Echo the head of a request."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(head) + head)
        await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def nginx(folder: Path) -> AsyncIterator[str]:
    """The address of one that is ready, in front of a server that records its requests."""
    port = free_port()
    server = await asyncio.start_server(tell, "127.0.0.1", 0)
    config = configured(folder, port, server.sockets[0].getsockname()[1])
    async with server, running(folder, config, f"http://127.0.0.1:{port}", "/nginx-health") as address:
        yield address


@asynccontextmanager
async def running(folder: Path, config: Path, address: str, health: str) -> AsyncIterator[str]:
    """Run nginx with ``config``. Yields ``address`` when ``health`` returns 200 there."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin")
    if program is None or sys.platform != "linux":
        pytest.skip("nginx is not here (Debian, Ubuntu: apt-get install nginx-light)")
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program,
            *("-c", config, "-p", folder, "-e", folder / "error.log", "-g", "daemon off; user root;"),
            stdout=log,
            stderr=log,
        )
    try:
        async with httpx.AsyncClient(base_url=address, timeout=10) as client:

            async def ready() -> bool:
                assert process.returncode is None, (folder / "log").read_text()
                with suppress(httpx.TransportError):
                    return (await client.get(health)).status_code == 200
                return False

            await until_answer(ready, bool)
        yield address
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), STOP_SECONDS)


@asynccontextmanager
async def asking_from(source: str, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose requests come from ``source``."""
    transport = httpx.AsyncHTTPTransport(local_address=source)
    async with httpx.AsyncClient(transport=transport, base_url=address, timeout=10) as client:
        yield client


async def told(client: httpx.AsyncClient, headers: dict[str, str]) -> tuple[str, str]:
    """Return the client's address and scheme, as the gateway sees them."""
    head = (await client.get("/api/v1/session", headers=headers)).text.lower()
    address, scheme = (re.findall(rf"\r\nx-forwarded-{what}: (\S+)", head) for what in ("for", "proto"))
    assert len(address) == len(scheme) == 1, head
    return address[0], scheme[0]


async def test_how_a_client_spoke_is_believed_of_a_proxy_alone(tmp_path: Path) -> None:
    async with nginx(tmp_path) as address:
        async with asking_from(PROXY, address) as client:
            assert await told(client, PUBLISHED) == ("203.0.113.9", "https")
            assert (await client.get("/", headers=PUBLISHED)).headers["Strict-Transport-Security"]
            assert await told(client, PUBLISHED | {"X-Forwarded-Proto": "gopher"}) == ("203.0.113.9", "http")
            assert await told(client, {}) == (PROXY, "http")
            assert "Strict-Transport-Security" not in (await client.get("/")).headers
        async with asking_from(STRANGER, address) as client:
            assert await told(client, PUBLISHED) == (STRANGER, "http")
            assert "Strict-Transport-Security" not in (await client.get("/", headers=PUBLISHED)).headers


async def test_the_course_has_its_paths_in_any_case_and_two_ports_without_a_prefix(tmp_path: Path) -> None:
    port, chat, dashboard = free_port(), free_port(), free_port()
    server = await asyncio.start_server(tell, "127.0.0.1", 0)
    config = configured(tmp_path, port, server.sockets[0].getsockname()[1], (chat, dashboard))
    async with server, running(tmp_path, config, f"http://127.0.0.1:{port}", "/nginx-health"):
        async with httpx.AsyncClient(timeout=10) as client:
            for asked, passed in (
                (f"{port}/Chat/new-user", "/Chat/new-user"),
                (f"{port}/dashboard", "/dashboard"),
                (f"{chat}/ws?a=b%20c", "/chat/ws?a=b%20c"),
                (f"{chat}//ws", "/chat//ws"),
                (f"{dashboard}/", "/dashboard/"),
            ):
                head = (await client.get(f"http://127.0.0.1:{asked}")).text
                assert head.startswith(f"GET {passed} HTTP/1.1\r\n")


async def test_browsers_keep_files_with_a_hash_and_revalidate_the_page(tmp_path: Path) -> None:
    script = "main.0123456789.js"
    (tmp_path / script).write_text("1;", encoding="utf-8")
    (tmp_path / f"{script}.gz").write_bytes(gzip.compress(b"1;"))
    async with nginx(tmp_path) as address, asking_from(STRANGER, address) as client:
        page, kept = await client.get("/"), await client.get(f"/{script}")
        assert page.headers["Cache-Control"] == "no-cache"
        assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert (kept.text, kept.headers["Content-Encoding"]) == ("1;", "gzip")
        assert kept.headers["Vary"] == "Accept-Encoding"
        again = await client.get("/", headers={"If-None-Match": page.headers["ETag"]})
        assert (again.status_code, again.headers["Cache-Control"]) == (304, "no-cache")
        missing = await client.get("/main.9876543210.js")  # of another version: it may come
        assert (missing.status_code, missing.headers["Cache-Control"]) == (404, "no-cache")
        assert (await client.head("/")).status_code == 200


async def test_large_files_pass(broker_process: BrokerProcess, tmp_path: Path) -> None:
    port, content = free_port(), bytes(3 * 1024 * 1024)
    async with portal_at(broker_process.url) as portal:
        config = configured(tmp_path, port, portal.gateway.port)
        async with running(tmp_path, config, f"http://127.0.0.1:{port}", "/nginx-health") as address:
            async with Opsroom(address, timeout=30) as guest:
                token = (await guest.register("Ann")).token
            async with asking_from(STRANGER, address) as client:
                reply = await client.post(
                    "/api/v1/chat/files",
                    params={"room": "general", "name": "large"},
                    headers={"Authorization": f"Bearer {token}"},
                    content=content,
                )
                assert (reply.status_code, reply.json()["size"]) == (201, len(content))


def test_proxies_come_from_the_same_networks_for_nginx_and_for_gateways() -> None:
    text = (NGINX / "nginx.conf").read_text(encoding="utf-8")
    addresses = re.findall(r"set_real_ip_from (\S+);", text)
    assert re.findall(r"^ +(\S+) +1;$", text, re.MULTILINE) == addresses
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert f"GATEWAY_TRUSTED_PROXIES: {','.join(addresses)}\n" in compose


PLAIN = """pid {folder}/pid; events {{}}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{gateway}; }} }}
}}"""
"""The shortest configuration of a proxy. nginx adds no header, and sends the gateway's address as `Host`."""


async def test_behind_a_plain_proxy_no_visitor_is_an_admin(
    broker_process: BrokerProcess, tmp_path: Path
) -> None:
    """In `open` mode the gateway can't distinguish a visitor from a user of its machine."""
    token, line = make_token("root", "admin")
    port = free_port()
    admins_alone = ("/api/v1/audit", "/api/v1/chat/restrictions", "/api/v1/chat/addresses?name=x")
    async with portal_at(broker_process.url, gateway_settings(tokens=(line,))) as portal:
        config = tmp_path / "plain.conf"
        config.write_text(PLAIN.format(folder=tmp_path, port=port, gateway=portal.gateway.port))
        async with (
            running(tmp_path, config, f"http://127.0.0.1:{port}", "/healthz") as address,
            asking_from(STRANGER, address) as visitor,
        ):
            assert (await visitor.get("/api/v1/session")).json()["role"] == "operator"
            for path in admins_alone:
                assert (await visitor.get(path)).status_code == 401, path
                response = await visitor.get(path, headers={"Authorization": f"Bearer {token}"})
                assert response.status_code == 200, path
