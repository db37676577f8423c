"""Webhooks with the client and the command line."""

import json
from uuid import uuid4

import pytest

from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError
from opsroom_contracts.incidents.webhooks import WebhookFilter, WebhookState, WebhookTopic
from packages.client.tests.shell import Shell
from packages.client.tests.tcp_proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="package")


def address() -> str:
    """Return an address that no other test uses, and at which nobody answers."""
    return f"https://{uuid4().hex}.invalid/events"


async def test_a_webhook_is_made_changed_rotated_and_removed_in_a_shell(proxy: Proxy) -> None:
    url, shell = address(), Shell(proxy.url)
    made = await shell("webhooks", "create", url, "--topic", "servers", "--label", "env=prod")
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("whsec_")
    assert "shown only once" in made.stderr
    rows = [json.loads(line) for line in (await shell("webhooks", "ls", "--json")).output.splitlines()]
    (webhook,) = (one for one in rows if one["url"] == url)
    assert (webhook["filter"]["topics"], webhook["filter"]["labels"]) == (["servers"], {"env": "prod"})
    assert made.stdout.strip() not in json.dumps(rows)
    assert url in (await shell("webhooks", "ls")).output
    name = webhook["id"]
    assert (await shell("webhooks", "disable", name)).output == f"{name} disabled\n"
    assert (await shell("webhooks", "enable", name)).output == f"{name} active\n"
    rotated = await shell("webhooks", "rotate", name, "--seconds", "60")
    assert rotated.stdout.startswith("whsec_")
    assert rotated.stdout != made.stdout
    assert "signs, too, until" in rotated.stderr
    assert (await shell("webhooks", "replay", name)).output == f"{name} tries at once\n"
    again = await shell("webhooks", "replay", name, "--from", "CLOUD-1")
    assert again.output == f"{name} begins at CLOUD-1\n"
    assert (await shell("webhooks", "remove", name)).output == f"{name} removed\n"
    missing = await shell("webhooks", "remove", name)
    assert missing.exit_code == 1
    assert "(webhook_unknown)" in missing.stderr


async def test_a_webhook_is_made_changed_and_removed_with_the_client(proxy: Proxy) -> None:
    url = address()
    async with Opsroom(proxy.url) as opsroom:
        made = await opsroom.webhooks.create(url, [WebhookTopic.ALERTS], description="pager")
        changed = await opsroom.webhooks.change(
            made.webhook.id, wanted=WebhookFilter(topics=(WebhookTopic.INCIDENTS,)), enabled=False
        )
        assert (changed.url, changed.description, changed.state) == (url, "pager", WebhookState.DISABLED)
        assert changed.filter.topics == (WebhookTopic.INCIDENTS,)
        assert (await opsroom.webhooks.rotate(made.webhook.id, seconds=0)).secret != made.secret
        assert made.webhook.id in {one.id for one in await opsroom.webhooks.all()}
        await opsroom.webhooks.remove(made.webhook.id)
        with pytest.raises(OpsroomError):
            await opsroom.webhooks.remove(made.webhook.id)
