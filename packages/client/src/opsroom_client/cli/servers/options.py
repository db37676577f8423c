"""Options that several commands for servers have, and how their values are written."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from opsroom_client.cli.output import output_options
from opsroom_client.cli.servers.ids import InstanceId, completions
from opsroom_client.cli.servers.operations import Manner
from opsroom_client.client import Opsroom
from opsroom_client.cloud import EventFilter
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.selectors import read_selector

_AGE = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Label(click.ParamType[tuple[str, str]]):
    """A label to set: ``key=value``."""

    name = "label"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split at the first ``=``."""
        if isinstance(value, tuple):
            return value
        key, equals, text = value.partition("=")
        if not key or not equals:
            self.fail(f"must be like env=prod, not {value!r}", param, ctx)
        return key, text


class Selector(click.ParamType[dict[str, str]]):
    """Labels that a server must have."""

    name = "selector"

    def convert(
        self, value: str | dict[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, str]:
        """Read the conditions."""
        if isinstance(value, dict):
            return value
        try:
            return read_selector(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Moment(click.ParamType[datetime]):
    """A time as in ISO 8601, or how long ago it was. Without a time zone it is local."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read the time."""
        if isinstance(value, datetime):
            return value
        if age := _AGE.fullmatch(value):
            return datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: int(age[1])})
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"must be like 2026-11-30T12:00 or 2h (s, m, h, d), not {value!r}", param, ctx)


class Template(click.ParamType[str]):
    """The name of a template."""

    name = "template"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """The templates of connected providers, as ``provider/name`` where a name is not unique."""

        async def found(opsroom: Opsroom) -> list[CompletionItem]:
            templates = await opsroom.cloud.templates()
            names = [one.name for one in templates]
            texts = {
                one.name if names.count(one.name) == 1 else f"{one.provider}/{one.name}": one.description
                for one in templates
            }
            return [
                CompletionItem(text, help=about)
                for text, about in texts.items()
                if text.startswith(incomplete)
            ]

        return completions(ctx, found)


class Provider(click.ParamType[str]):
    """The name of a provider."""

    name = "provider"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """The providers."""

        async def found(opsroom: Opsroom) -> list[CompletionItem]:
            return [
                CompletionItem(one.name, help=one.kind)
                for one in await opsroom.cloud.providers()
                if one.name.startswith(incomplete)
            ]

        return completions(ctx, found)


def manner_options(callback: Callable[..., None]) -> Callable[..., None]:
    """Add ``--wait``, ``--key`` and the formats of the output; ``callback`` gets them as ``manner``."""

    @click.option("-w", "--wait", is_flag=True, help="Wait until it is done, not only accepted.")
    @output_options
    @click.option("--key", metavar="KEY", help="Idempotency key: executed once per key; for one server.")
    @wraps(callback)
    def with_manner(*args: Any, wait: bool, as_json: bool, key: str | None, **options: Any) -> None:
        callback(*args, manner=Manner(wait, as_json, key), **options)

    return with_manner


def filter_options(callback: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select past events; ``callback`` gets them as ``wanted``."""

    @click.option("--actor", help="Only what this user did; `outside`: changes made outside Opsroom.")
    @click.option(
        "--type",
        "kind",
        type=click.Choice([one.value for one in EventType]),
        help="Only events of this type.",
    )
    @click.option(
        "--from", "earliest", type=Moment(), help="Only from this time on: 2026-11-30T12:00, or 2h (ago)."
    )
    @click.option("--to", "latest", type=Moment(), help="Only until this time.")
    @wraps(callback)
    def with_filter(
        *args: Any,
        actor: str | None,
        kind: str | None,
        earliest: datetime | None,
        latest: datetime | None,
        **options: Any,
    ) -> None:
        callback(
            *args,
            wanted=EventFilter(None, actor, EventType(kind) if kind else None, earliest, latest),
            **options,
        )

    return with_filter


yes_option = click.option("-y", "--yes", is_flag=True, help="Don't ask for confirmation.")
name_option = click.option(
    "--name", help="Its name: 1 to 63 of a-z, 0-9 and hyphens; default: one is generated."
)
labels_option = click.option(
    "--label", "labels", type=Label(), metavar="KEY=VALUE", multiple=True, help="A label; up to 16."
)
selector_option = click.option(
    "-l",
    "--selector",
    type=Selector(),
    metavar="KEY=VALUE,…",
    help="The servers that have all these labels, instead of ID.",
)
ids_argument = click.argument("ids", metavar="[ID]...", nargs=-1, type=InstanceId())
"""Servers; none if there is a selector."""
id_argument = click.argument("instance_id", metavar="ID", type=InstanceId())
