"""Incidents with the client and the command line."""

import json
from uuid import uuid4

import pytest

from opsroom_client import Opsroom
from opsroom_contracts.incidents.incidents import Incident, IncidentStatus
from opsroom_testkit.waiting import until_answer
from packages.client.tests.shell import Shell
from packages.client.tests.tcp_proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_an_incident_is_found_led_reported_closed_and_reopened(proxy: Proxy) -> None:
    title = f"Checkout is slow {uuid4().hex[:8]}"
    async with Opsroom(proxy.url) as guest:
        token = (await guest.register(f"p-{uuid4().hex[:10]}")).token
    async with Opsroom(proxy.url, token=token) as opsroom:
        async with opsroom.chat(token) as chat:
            await chat.send(f"/incident {title}")

        async def found() -> list[Incident]:
            return [
                one async for one in opsroom.incidents.all(status=IncidentStatus.OPEN) if one.title == title
            ]

        (incident,) = await until_answer(found, bool)
        led = await opsroom.incidents.lead(incident.id)
        assert led.incident.status is IncidentStatus.ACKNOWLEDGED
        assert (await opsroom.incidents.acknowledge(incident.id)).changes == led.changes
        page = await opsroom.history_page(at=incident.seq)
        assert page.erased is not None, "its card has changed since"
        assert page.erased[-1].id == incident.id
        assert (await opsroom.incidents.report(incident.id)).incident.id == incident.id
        shell = Shell(proxy.url, token=token)
        shown = (await shell("incidents", "show", incident.id)).output.splitlines()
        assert shown[0].startswith(f"{title}: acknowledged, ")
        assert (await shell("incidents", "report", incident.id)).output.startswith(f"# {title}\n")
        report = await shell("incidents", "report", incident.id, "--json")
        assert json.loads(report.output)["incident"]["id"] == incident.id
        assert f"{incident.id} closed" in (await shell("incidents", "close", incident.id)).output
        listed = await shell("incidents", "list", "--status", "closed", "--json")
        assert incident.id in [json.loads(line)["id"] for line in listed.output.splitlines()]
        assert title in (await shell("incidents", "list")).output
        assert "acknowledged" in (await shell("incidents", "reopen", incident.id)).output
        missing = await shell("incidents", "close", "nothing")
        assert (missing.exit_code, "(incident_unknown)" in missing.stderr) == (1, True)
