"""Output as tables or JSON. Control characters in users' text are escaped."""

import sys
from collections.abc import Sequence
from datetime import datetime

import click
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.text import visible

_PIPE_WIDTH = 10_000
"""Wide enough that no line in a pipe is wrapped or cut."""
_COLORS = {
    "running": "green",
    "stopped": "dim",
    "ok": "green",
    "done": "green",
    "failed": "red",
    "pending": "yellow",
}


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: colored on a terminal, plain in a pipe."""
    terminal = sys.stdout.isatty()
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(visible(cell), style=_COLORS.get(cell, "")) for cell in row))
    console = Console(width=None if terminal else _PIPE_WIDTH, highlight=False)
    with console.capture() as captured:
        console.print(table)
    # rich pads each column, also the last one; remove these trailing spaces.
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def show_json(model: BaseModel) -> None:
    """Print ``model`` as one line of JSON."""
    click.echo(encode(model).decode())


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
