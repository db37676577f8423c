"""Hooks with the client and the command line."""

import json
from uuid import uuid4

import httpx
import pytest

from packages.client.tests.shell import Shell
from packages.client.tests.tcp_proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_hook_is_made_used_rotated_and_removed(proxy: Proxy) -> None:
    name, shell = f"alerts-{uuid4().hex[:8]}", Shell(proxy.url)
    made = await shell("hooks", "create", name)
    assert made.exit_code == 0, made.output
    address = made.stdout.strip()
    assert address.startswith(f"{proxy.url}/hooks/")
    assert "shown only once" in made.stderr
    rows = [json.loads(line) for line in (await shell("hooks", "ls", "--json")).output.splitlines()]
    (hook,) = (one for one in rows if one["name"] == name)
    async with httpx.AsyncClient(timeout=30) as sender:
        assert (await sender.post(address, json={"text": "hello"})).text == "ok"
        rotated = await shell("hooks", "rotate", hook["id"], "--seconds", "60")
        assert "works until" in rotated.stderr
        for one in (address, rotated.stdout.strip()):
            assert (await sender.post(one, json={"text": "hello"})).text == "ok"
        assert name in (await shell("hooks", "ls")).output
        removed = await shell("hooks", "remove", hook["id"])
        assert (removed.exit_code, removed.output) == (0, f"{hook['id']} removed\n")
        assert (await sender.post(address, json={"text": "hello"})).status_code == 404
    again = await shell("hooks", "remove", hook["id"])
    assert again.exit_code == 1
    assert "(hook_unknown)" in again.stderr
