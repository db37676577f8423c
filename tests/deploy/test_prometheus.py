"""The queries and alerts of ``deploy/observe``, in a real Prometheus that scrapes real processes."""

import asyncio
import json
import math
import re
import shutil
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from opsroom_client import Opsroom, RequestRejectedError
from opsroom_testkit.broker import CAN_FILL_DISK, BrokerProcess
from opsroom_testkit.ports import free_port
from opsroom_testkit.processes import ServiceProcess, gateway, service
from opsroom_testkit.waiting import until_answer

OBSERVE = Path(__file__).parents[2] / "deploy" / "observe"
JOBS = ("chat", "cloud", "gateway", "incidents")
RATE_INTERVAL = "10s"
"""What Grafana makes of ``$__rate_interval``, for a scrape each second."""
STOP_SECONDS = 20.0
AWAY = ("OpsroomProcessDown", "OpsroomNoGateway", "OpsroomNoChat", "OpsroomNoCloud")

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="prometheus is not on PATH (Debian, Ubuntu: apt-get install prometheus)",
)


def known(folder: Path, job: str, *ports: int) -> Path:
    """The file that lists the processes of ``job``, in place of a name server; Prometheus reloads it."""
    path = folder / f"{job}.json"
    written = path.with_suffix(".new")
    written.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}" for port in ports]}]), encoding="utf-8")
    written.replace(path)
    return path


def configured(folder: Path, ports: dict[str, int]) -> Path:
    """Our own configuration, but for who says where the processes are, and how often they are asked."""
    text = (OBSERVE / "prometheus.yml").read_text(encoding="utf-8")
    for job, port in ports.items():
        text, count = re.subn(
            rf"dns_sd_configs: \[\{{names: \[{job}\].*\]",
            f"file_sd_configs: [{{files: ['{known(folder, job, port)}'], refresh_interval: 1s}}]",
            text,
        )
        assert count == 1, job
    text = re.sub(r"(scrape|evaluation)_interval: \w+", r"\1_interval: 1s", text)
    text = text.replace("/etc/prometheus/rules.yml", str(OBSERVE / "rules.yml"))
    path = folder / "prometheus.yml"
    path.write_text(text, encoding="utf-8")
    return path


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus."""

    client: httpx.AsyncClient

    async def ask(self, path: str, **parameters: str) -> Any:
        """Return the data of a response of its HTTP API."""
        answer = (await self.client.get(f"/api/v1/{path}", params=parameters)).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    async def numbers(self, query: str) -> list[float]:
        """Return the current result of ``query``."""
        return [float(found["value"][1]) for found in (await self.ask("query", query=query))["result"]]

    async def up(self) -> set[str]:
        """Return the jobs that are scraped without errors."""
        targets = (await self.ask("targets"))["activeTargets"]
        return {target["labels"]["job"] for target in targets if target["health"] == "up"}

    async def rules(self) -> dict[str, dict[str, Any]]:
        """Return the alerts by name, after each was evaluated."""
        (group,) = (await self.ask("rules"))["groups"]
        return {rule["name"]: rule for rule in group["rules"]}


@asynccontextmanager
async def prometheus(folder: Path, config: Path) -> AsyncIterator[Prometheus]:
    """Run Prometheus until it is ready. Its log is ``prometheus.log``."""
    port = free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdout=log,
            stderr=log,
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:

            async def ready() -> bool:
                assert process.returncode is None, (folder / "prometheus.log").read_text()
                with suppress(httpx.TransportError):
                    return (await client.get("/-/ready")).status_code == 200
                return False

            await until_answer(ready, bool)
            yield Prometheus(client)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), STOP_SECONDS)


@asynccontextmanager
async def watched(
    broker: BrokerProcess, folder: Path
) -> AsyncIterator[tuple[Prometheus, int, ServiceProcess]]:
    """Prometheus reading one process of each service; the gateway's port, and the chat's process."""
    ports = {job: free_port() for job in JOBS}
    environ = {"NATS_URL": broker.url, "CLOUD_DELAY_SECONDS": "0.2"} | {
        f"{job.upper()}_ADMIN_PORT": str(port) for job, port in ports.items()
    }
    async with (
        service("chat", folder, **environ) as chat,
        service("cloud", folder, **environ),
        service("incidents", folder, **environ),
        gateway(folder, **environ) as (_, port),
        prometheus(folder, configured(folder, ports)) as found,
    ):
        yield found, port, chat


async def use(port: int) -> None:
    """Generate messages, commands and rejected requests until cancelled."""
    async with Opsroom(f"http://127.0.0.1:{port}") as opsroom:
        me = await opsroom.register("alice")
        async with opsroom.chat(me.token) as chat:
            seq = (await opsroom.cloud.instances()).seq
            async with opsroom.cloud.follow(seq):
                while True:
                    await chat.send("hello")
                    await opsroom.cloud.create()
                    with suppress(RequestRejectedError):
                        await opsroom.register("alice")
                    await asyncio.sleep(0.2)


def missing(rules: dict[str, dict[str, Any]]) -> set[str]:
    """Which of the alerts that tell of processes have a reason, however short a time they have had it."""
    return {name for name in AWAY if rules[name]["state"] != "inactive"}


def panels() -> list[str]:
    """Return all queries of the dashboard."""
    dashboard = json.loads((OBSERVE / "grafana/dashboards/opsroom.json").read_text(encoding="utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


async def promtool(*arguments: str | Path) -> None:
    process = await asyncio.create_subprocess_exec("promtool", *arguments, stdout=DEVNULL, stderr=STDOUT)
    assert await asyncio.wait_for(process.wait(), STOP_SECONDS) == 0


async def test_the_configuration_and_the_alerts_have_no_faults(tmp_path: Path) -> None:
    await promtool("check", "config", configured(tmp_path, dict.fromkeys(JOBS, 9090)))
    await promtool("check", "rules", OBSERVE / "rules.yml")


async def test_every_panel_shows_something_and_alerts_sound_when_they_should(
    broker_process: BrokerProcess, tmp_path: Path
) -> None:
    async with watched(broker_process, tmp_path) as (found, port, chat):
        await until_answer(found.up, lambda jobs: jobs == set(JOBS))
        using = asyncio.create_task(use(port))
        try:
            for query in panels():
                asked = query.replace("$__rate_interval", RATE_INTERVAL)
                await until_answer(
                    lambda asked=asked: found.numbers(asked),  # type: ignore[misc]
                    lambda numbers: not all(map(math.isnan, numbers)),
                )
            rules = await until_answer(
                found.rules, lambda rules: all(rule["health"] == "ok" for rule in rules.values())
            )
            assert {name: rule["state"] for name, rule in rules.items()} == dict.fromkeys(rules, "inactive")
            for rule in rules.values():
                looked_at = rule["query"].removeprefix("absent(").removesuffix(")")
                left, _, _ = looked_at.rpartition(" ")[0].rpartition(" ")
                assert await found.numbers(left), rule["query"]
        finally:
            using.cancel()
            await asyncio.wait([using])
        await chat.kill()
        await until_answer(
            found.rules, lambda rules: missing(rules) == {"OpsroomProcessDown", "OpsroomNoChat"}
        )
        # As it is in containers: who ended has no address any more.
        known(tmp_path, "chat")
        await until_answer(found.rules, lambda rules: missing(rules) == {"OpsroomNoChat"})


@pytest.mark.skipif(not CAN_FILL_DISK, reason="needs prlimit")
async def test_an_alert_sounds_when_writes_do_not_land(broker_process: BrokerProcess, tmp_path: Path) -> None:
    async with watched(broker_process, tmp_path) as (found, _, _):
        await until_answer(found.up, lambda jobs: jobs == set(JOBS))
        await until_answer(
            lambda: found.numbers("opsroom_writes_failing"), lambda numbers: set(numbers) == {0}
        )
        broker_process.fill_disk()
        rule = await until_answer(
            found.rules, lambda rules: rules["OpsroomWritesFailing"]["state"] != "inactive"
        )
        jobs = {alert["labels"]["job"] for alert in rule["OpsroomWritesFailing"]["alerts"]}
        assert jobs <= set(JOBS)
