"""Output as tables, lines or JSON. Control characters in users' text are escaped."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, TextIO

import click
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.text import visible

_PIPE_WIDTH = 10_000
"""Wide enough that no line in a pipe is wrapped or cut."""
_STYLES = {
    "running": "green",
    "stopped": "dim",
    "ok": "green",
    "done": "green",
    "warning": "yellow",
    "failed": "red",
    "pending": "yellow",
}

FORMATS = ("table", "json")
"""The values of ``--output``."""


def is_colored(stream: TextIO) -> bool:
    """Whether to write colors to ``stream``: it is a terminal, and NO_COLOR is not set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def output_options(callback: Callable[..., None]) -> Callable[..., None]:
    """Add ``--output`` and its short form ``--json`` to a command; ``callback`` gets ``as_json``."""

    @click.option(
        "-o",
        "--output",
        type=click.Choice(FORMATS),
        default=FORMATS[0],
        show_default=True,
        help="For people, or as JSON with one object per line.",
    )
    @click.option("--json", "as_json", is_flag=True, help="The same as --output json.")
    @wraps(callback)
    def with_format(*args: Any, output: str, as_json: bool, **options: Any) -> None:
        callback(*args, as_json=as_json or output == "json", **options)

    return with_format


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: colored on a terminal, plain in a pipe."""
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(visible(cell), style=_STYLES.get(cell, "")) for cell in row))
    console = Console(
        width=None if sys.stdout.isatty() else _PIPE_WIDTH,
        color_system="auto" if is_colored(sys.stdout) else None,
        highlight=False,
    )
    with console.capture() as captured:
        console.print(table)
    # rich pads each column, also the last one; remove these trailing spaces.
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def show_json(models: Iterable[BaseModel]) -> None:
    """Print ``models`` as JSON lines: each is one line."""
    for model in models:
        click.echo(encode(model).decode())
    sys.stdout.flush()


def print_line(text: str) -> None:
    """Print one line to stdout and flush."""
    click.echo(visible(text))
    sys.stdout.flush()


def print_note(text: str) -> None:
    """Print one line to stderr, for the user and not for programs that read the output."""
    click.echo(visible(text), err=True)


def age(since: datetime, now: datetime) -> str:
    """The time since ``since`` in the largest suitable unit: ``42s``, ``7m``, ``3h``, ``12d``."""
    seconds = max(0, int((now - since).total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
