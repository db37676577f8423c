"""Tables for people, JSON for programs. What users typed can't act on the terminal."""

import sys
from collections.abc import Sequence
from datetime import datetime

import click
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from opsroom_contracts.codec import encode
from opsroom_contracts.text import visible

_PIPE_WIDTH = 10_000
"""In a pipe no line is wrapped or cut."""
_COLOURS = {
    "running": "green",
    "stopped": "dim",
    "ok": "green",
    "done": "green",
    "failed": "red",
    "pending": "yellow",
}


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print ``rows`` under ``columns``: coloured on a terminal, plain in a pipe."""
    terminal = sys.stdout.isatty()
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(visible(cell), style=_COLOURS.get(cell, "")) for cell in row))
    console = Console(width=None if terminal else _PIPE_WIDTH, highlight=False)
    with console.capture() as captured:
        console.print(table)
    # Columns are padded to their width; in a pipe nobody wants the spaces behind the last one.
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def show_json(model: BaseModel) -> None:
    """Print ``model`` as one line of JSON."""
    click.echo(encode(model).decode())


def say(text: str) -> None:
    """Print one line, at once."""
    click.echo(visible(text))
    sys.stdout.flush()


def remark(text: str) -> None:
    """Tell the person, not the program that reads the output."""
    click.echo(visible(text), err=True)


def age(since: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that says it: ``42s``, ``7m``, ``3h``, ``12d``."""
    seconds = max(0, int((now - since).total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
