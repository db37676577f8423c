"""The state file of the simulated provider: its tables, and the rows of two of them."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from opsroom_contracts.cloud.instances import FailureCode

_BUSY_SECONDS = 10.0
_TABLES = """
create table if not exists servers (
  resource text primary key,
  portal text,
  instance text,
  name text not null,
  template text,
  adopted integer not null,
  running integer not null,
  failure text,
  began_at real not null,
  unique (portal, instance)
) strict;
create table if not exists begun (
  operation text primary key, request text not null, at real not null, seconds real not null
) strict;
create table if not exists executions (
  id integer primary key autoincrement,
  operation text not null,
  instance text not null,
  command text not null,
  at real not null,
  failure text,
  code text
) strict;
create index if not exists executions_by_operation on executions (operation);
create table if not exists images (template text primary key) strict;
create table if not exists outages (until real not null) strict;
create table if not exists changes (
  id integer primary key autoincrement,
  portal text not null,
  instance text not null,
  resource text not null,
  adopted integer not null
) strict;
"""


@dataclass(frozen=True, slots=True)
class SimulatedServer:
    """A server in the state file. Without ``portal`` and ``instance`` no portal manages it.

    ``began_at``: when its present state began, in seconds since 1970. ``failure``: why it has ended.
    """

    resource: str
    portal: str | None
    instance: str | None
    name: str
    template: str | None
    adopted: bool
    running: bool
    failure: str | None
    began_at: float


@dataclass(frozen=True, slots=True)
class Execution:
    """One time that a command was carried out or refused, ``at`` seconds since 1970.

    ``failure`` and ``code``: why it was refused.
    """

    operation: str
    instance: str
    command: str
    at: float
    failure: str | None
    code: FailureCode | None


@dataclass(frozen=True, slots=True)
class Begun:
    """An operation that takes ``seconds`` from ``at`` on, and has not been carried out. ``request``: JSON."""

    request: str
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Change:
    """Something has changed at a server of a portal. ``number`` counts changes."""

    number: int
    instance: str
    resource: str
    adopted: bool


def open_state(path: Path) -> sqlite3.Connection:
    """Open the state file; create it if it is missing. A commit returns once it is on the disk.

    Several processes may have it open at once. The connection may be used by one thread at a time.

    Raises:
        sqlite3.Error: the file is not a state file, or cannot be written.
    """
    state = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        state.execute("pragma journal_mode = wal")
        state.execute("pragma synchronous = full")
        state.executescript(_TABLES)
    except sqlite3.Error:
        state.close()
        raise
    return state
