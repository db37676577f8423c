"""The portal below a path of a proxy, with a real nginx: with and without the prefix in what it passes on."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import cast

import httpx
import pytest
from websockets.asyncio.client import connect

from opsroom_client import Opsroom
from opsroom_contracts.http import CloudEvent
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.ports import free_port
from services.gateway.tests.kit.portal import gateway_settings, portal_at
from tests.deploy.test_nginx import NGINX, running

PREFIX = "/opsroom"
EXAMPLE = (NGINX / "prefix.conf").read_text(encoding="utf-8")
FOUND_BY_PREFIX = 30.0


def configured(folder: Path, port: int, gateway: int, *, strips: bool) -> Path:
    """Return a configuration with our example. ``strips``: the proxy removes the prefix itself."""
    upstream = "http://127.0.0.1:8000;"
    assert EXAMPLE.count(upstream) == 1
    locations = EXAMPLE.replace(upstream, f"http://127.0.0.1:{gateway}{'/' if strips else ''};")
    (folder / "prefix.conf").write_text(locations, encoding="utf-8")
    places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    path = folder / "nginx.conf"
    path.write_text(
        f"pid {folder}/pid; events {{}} http {{ access_log off; absolute_redirect off;"
        + "".join(f" {place}_temp_path {folder}/{place};" for place in places)
        + ' map $http_upgrade $connection_header { default upgrade; "" ""; }'
        + f" server {{ listen 127.0.0.1:{port}; location = /up {{ return 200; }}"
        + f" include {folder}/prefix.conf; }} }}",
        encoding="utf-8",
    )
    return path


async def check_page(http: httpx.AsyncClient) -> None:
    """The page is found without its last slash, and everything that it refers to is below its path."""
    redirected = await http.get(PREFIX, follow_redirects=True)
    assert (redirected.status_code, redirected.url.path) == (200, f"{PREFIX}/")
    assert "relative.js" in redirected.text
    assert (await http.get(f"{PREFIX}/relative.js")).text == "1;"
    assert (await http.get("/")).status_code == 404


async def check_api(http: httpx.AsyncClient) -> None:
    """Addresses in responses have the prefix."""
    created = await http.post(f"{PREFIX}/api/v1/cloud/instances")
    assert created.status_code == 202
    assert (await http.get(created.headers["Location"])).json() == created.json()
    document = (await http.get(f"{PREFIX}/openapi.json")).json()
    assert document["servers"] == [{"url": PREFIX}]


async def check_client(url: str) -> None:
    """The Python client follows servers and the chat at an address with a path."""
    async with Opsroom(url, timeout=10) as opsroom:
        registered = await opsroom.register("Ann")
        async with opsroom.chat(registered.token) as chat, opsroom.cloud.follow() as changes:
            sent = await chat.send("hello")
            operation = await opsroom.cloud.create()
            async with asyncio.timeout(FOUND_BY_PREFIX):
                async for change in changes:
                    if cast("CloudEvent", change).operation_id == operation.id:
                        break
        assert (await opsroom.history())[-1].seq == sent.seq


async def check_course(http: httpx.AsyncClient, ws: str) -> None:
    """The course contract is at its paths below the prefix, with its socket and its event stream."""
    user = (await http.post(f"{PREFIX}/chat/new-user", json={"name": "Bob"})).json()["user"]
    async with connect(f"{ws}{PREFIX}/chat/ws") as socket, asyncio.timeout(FOUND_BY_PREFIX):
        while user not in json.loads(await socket.recv()):
            pass
    async with connect(f"{ws}{PREFIX}/cloud") as socket, asyncio.timeout(FOUND_BY_PREFIX):
        assert await socket.recv() == '"connection"'
    assert (await http.get(f"{PREFIX}/cloud")).status_code == 200
    async with http.stream("GET", f"{PREFIX}/cloud/sse") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")


async def check_command_line(url: str) -> None:
    """The command line takes an address with a path."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *("-m", "opsroom_client", "--url", url, "servers", "ls", "--json"), stdout=PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), FOUND_BY_PREFIX)
    assert process.returncode == 0
    assert b'"state"' in output


@pytest.mark.parametrize("strips", [False, True], ids=["passed on", "removed"])
async def test_everything_works_below_a_path(
    broker_process: BrokerProcess, tmp_path: Path, strips: bool
) -> None:
    page = tmp_path / "page"
    page.mkdir()
    (page / "index.html").write_text('<script src="relative.js"></script>', encoding="utf-8")
    (page / "relative.js").write_text("1;", encoding="utf-8")
    port = free_port()
    settings = gateway_settings(root_path=PREFIX, trusted_proxies=("127.0.0.1",), frontend=str(page))
    async with portal_at(broker_process.url, settings) as portal:
        config = configured(tmp_path, port, portal.gateway.port, strips=strips)
        async with running(tmp_path, config, f"http://127.0.0.1:{port}", "/up") as address:
            async with httpx.AsyncClient(base_url=address, timeout=15) as http:
                await check_page(http)
                await check_api(http)
                await check_course(http, address.replace("http", "ws", 1))
            await check_client(address + PREFIX)
            await check_command_line(f"{address}{PREFIX}/")
