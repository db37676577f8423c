"""Rotas with the client and the command line."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from opsroom_client import Opsroom
from packages.client.tests.shell import Shell
from packages.client.tests.tcp_proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="package")

HOLIDAY = "2020-01-01T00:00:00Z,2200-01-01T00:00:00Z"


async def test_a_rota_is_set_shown_imported_and_removed(proxy: Proxy, tmp_path: Path) -> None:
    rota, shell = f"Ops {uuid4().hex[:8]}", Shell(proxy.url)
    async with Opsroom(proxy.url) as guest:
        ann, bob = [(await guest.register(f"p-{uuid4().hex[:10]}")).user for _ in range(2)]
        people = ("--person", ann.id, "--person", bob.id)
        made = await shell("on-call", "set", rota, *people, "--override", f"{bob.id},{HOLIDAY}", "--json")
        assert made.exit_code == 0, made.output
        view = json.loads(made.stdout)
        assert (view["onDuty"]["name"], view["following"]["name"]) == (bob.name, ann.name)
        (shown,) = [one for one in await guest.on_call.all("general") if one.rota.name == rota]
        assert shown.on_duty == bob
        file = tmp_path / "rota.json"
        file.write_text(json.dumps({**view["rota"], "overrides": []}), encoding="utf-8")
        assert ann.name in (await shell("on-call", "import", str(file))).stdout
        assert rota in (await shell("on-call", "show", "--room", "general")).stdout
        assert (await shell("on-call", "remove", rota)).output == f"{rota} removed\n"
        assert rota not in {one.rota.name for one in await guest.on_call.all()}
    assert (await shell("on-call", "remove", rota)).exit_code == 1


async def test_what_is_wrong_with_a_rota_is_named(proxy: Proxy, tmp_path: Path) -> None:
    shell, file = Shell(proxy.url), tmp_path / "rota.json"
    late = await shell("on-call", "set", "Ops", "--person", "u-x", "--time", "25:00")
    assert (late.exit_code, "time: " in late.stderr) == (2, True)
    override = await shell(
        "on-call", "set", "Ops", "--person", "u-x", "--override", "u-x,2026-01-02,2026-01-01"
    )
    assert (override.exit_code, "must be like" in override.stderr) == (2, True)
    unknown = await shell("on-call", "set", "Ops", "--person", "u-x")
    assert (unknown.exit_code, "u-x" in unknown.stderr) == (1, True)
    file.write_text("{}", encoding="utf-8")
    assert (await shell("on-call", "import", str(file))).exit_code == 2
