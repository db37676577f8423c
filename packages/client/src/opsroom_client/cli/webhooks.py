"""``opsroom webhooks``: addresses to which the portal posts events."""

import click

from opsroom_client.cli.output import output_options, print_line, print_note, show_json, show_table
from opsroom_client.cli.running import Server, as_admin, run
from opsroom_client.cli.servers.options import labels_option
from opsroom_client.client import Opsroom
from opsroom_contracts.http_webhooks import WebhookWithSecret
from opsroom_contracts.incidents.hooks import ROTATION_SECONDS, ROTATION_SECONDS_MAX
from opsroom_contracts.incidents.webhooks import Webhook, WebhookTopic
from opsroom_contracts.serialization.model import rfc3339

_COLUMNS = ("ID", "URL", "GETS", "STATE", "LAST", "PROBLEM")


@click.group()
def webhooks() -> None:
    """Make and remove addresses to which events are posted (admins).

    Without a token, the one that a server started from here made for its admin is used.
    """


@webhooks.command()
@output_options
@click.pass_obj
def ls(server: Server, as_json: bool) -> None:
    """List the webhooks, and whether events arrive."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.webhooks.all()
        if as_json:
            show_json(found)
        else:
            show_table(_COLUMNS, [_row(one) for one in found])

    run(as_admin(server), work)


@webhooks.command()
@click.argument("url")
@click.option(
    "--topic",
    "topics",
    type=click.Choice([one.value for one in WebhookTopic]),
    multiple=True,
    required=True,
    help="What to post; several are possible.",
)
@click.option("--room", "rooms", multiple=True, help="The id of a room: only what is said there.")
@labels_option
@click.option("--description", default="", help="What it is for.")
@output_options
@click.pass_obj
def create(
    server: Server,
    /,
    url: str,
    topics: tuple[str, ...],
    rooms: tuple[str, ...],
    labels: tuple[tuple[str, str], ...],
    **more: str | bool,
) -> None:
    """Post events to URL from now on, and print the secret of their signatures.

    Labels are those that a server must have.
    """

    async def work(opsroom: Opsroom) -> None:
        made = await opsroom.webhooks.create(
            url,
            map(WebhookTopic, topics),
            rooms=rooms,
            labels=dict(labels),
            description=str(more["description"]),
        )
        _show_secret(made, as_json=bool(more["as_json"]))

    run(as_admin(server), work)


@webhooks.command()
@click.argument("webhook", metavar="ID")
@click.pass_obj
def enable(server: Server, webhook: str) -> None:
    """Post events to the webhook ID again, also what was stored meanwhile."""
    _switch(server, webhook, enabled=True)


@webhooks.command()
@click.argument("webhook", metavar="ID")
@click.pass_obj
def disable(server: Server, webhook: str) -> None:
    """Post nothing to the webhook ID until it is enabled."""
    _switch(server, webhook, enabled=False)


@webhooks.command()
@click.argument("webhook", metavar="ID")
@click.option(
    "--seconds",
    type=click.IntRange(0, ROTATION_SECONDS_MAX),
    default=ROTATION_SECONDS,
    show_default=True,
    help="How long the secret before signs, too.",
)
@output_options
@click.pass_obj
def rotate(server: Server, webhook: str, seconds: int, as_json: bool) -> None:
    """Give the webhook ID another secret, and print it."""

    async def work(opsroom: Opsroom) -> None:
        _show_secret(await opsroom.webhooks.rotate(webhook, seconds=seconds), as_json=as_json)

    run(as_admin(server), work)


@webhooks.command()
@click.argument("webhook", metavar="ID")
@click.option("--from", "start", metavar="EVENT", help="The first event, such as CLOUD-17.")
@click.pass_obj
def replay(server: Server, webhook: str, start: str | None) -> None:
    """Post events to the webhook ID again, from one on. Without --from, try what fails at once."""

    async def work(opsroom: Opsroom) -> None:
        await opsroom.webhooks.replay(webhook, start)
        print_line(f"{webhook} tries at once" if start is None else f"{webhook} begins at {start}")

    run(as_admin(server), work)


@webhooks.command()
@click.argument("webhook", metavar="ID")
@click.pass_obj
def remove(server: Server, webhook: str) -> None:
    """Remove the webhook ID: it gets nothing more."""

    async def work(opsroom: Opsroom) -> None:
        await opsroom.webhooks.remove(webhook)
        print_line(f"{webhook} removed")

    run(as_admin(server), work)


def _switch(server: Server, webhook: str, *, enabled: bool) -> None:
    async def work(opsroom: Opsroom) -> None:
        changed = await opsroom.webhooks.change(webhook, enabled=enabled)
        print_line(f"{webhook} {changed.state.value}")

    run(as_admin(server), work)


def _show_secret(made: WebhookWithSecret, *, as_json: bool) -> None:
    if as_json:
        show_json([made])
        return
    print_line(made.secret)
    print_note(f"The secret of webhook {made.webhook.id}; it is shown only once.")
    for secret in made.webhook.secrets:
        if secret.until is not None:
            print_note(f"The secret before signs, too, until {secret.until:%Y-%m-%d %H:%M} UTC.")


def _row(webhook: Webhook) -> tuple[str, ...]:
    last = "" if webhook.delivered_at is None else rfc3339(webhook.delivered_at)
    state = webhook.state.value
    if webhook.disabled_reason is not None:
        state += f" ({webhook.disabled_reason.value})"
    topics = ", ".join(topic.value for topic in webhook.filter.topics)
    problem = webhook.problem or ""
    if webhook.lost is not None:
        problem = f"{problem}; " * bool(problem) + f"lost {webhook.lost.first} to {webhook.lost.last}"
    return webhook.id, webhook.url, topics, state, last, problem
