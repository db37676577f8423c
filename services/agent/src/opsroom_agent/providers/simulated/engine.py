"""What the simulated provider acts on: a cloud in a file, which does what it is asked and counts that.

Like a real one it knows nothing of idempotency: a command that is asked for twice is carried out twice. Each
time is recorded, so that a test can count them.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from opsroom_agent.providers.simulated.schema import Begun, Change, Execution, SimulatedServer, open_state
from opsroom_contracts.agents.protocol import ApplyRequest, ServerRef
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.instances import FailureCode

_SERVER = "resource, portal, instance, name, template, adopted, running, failure, began_at"
_CHANGES_KEPT = 10_000


class RefusedError(Exception):
    """The engine does not do what it was asked for."""

    def __init__(self, code: FailureCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class SimulatedEngine:
    """The state file. All methods block; times are in seconds since 1970.

    A process that is killed loses nothing that a method has returned. Methods raise ``sqlite3.Error`` if the
    file can't be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._state = open_state(path)

    def close(self) -> None:
        """Close the file."""
        self._state.close()

    def seed(self, count: int, now: float) -> None:
        """Let there be ``count`` running servers of no portal, unless there have been servers before."""
        with self._transaction():
            if self._one("select 1 from sqlite_sequence where name = 'changes'") is not None:
                return
            for number in range(1, count + 1):
                resource = f"found-{number}"
                server = SimulatedServer(resource, None, None, resource, None, False, True, None, now)
                self._insert(server)
            self._record_change("", "", "", adopted=False)

    def begin(self, request: ApplyRequest, now: float, seconds: float, pull_seconds: float) -> Begun:
        """Store that an operation begins, unless it has begun, and return since when and for how long.

        ``pull_seconds``: how much longer it takes if the template was never used.
        """
        text = request.model_dump_json(by_alias=True, exclude_none=True)
        with self._transaction():
            if request.command is Command.CREATE and not self._has_image(request.server.template):
                seconds += pull_seconds
            self._state.execute(
                "insert or ignore into begun values (?, ?, ?, ?)", (request.operation_id, text, now, seconds)
            )
            row = self._one(
                "select request, at, seconds from begun where operation = ?", request.operation_id
            )
        return Begun(str(row[0]), float(row[1]), float(row[2])) if row else Begun(text, now, seconds)

    def begun(self) -> list[Begun]:
        """Return the operations that have begun and are not carried out yet."""
        return [Begun(*row) for row in self._state.execute("select request, at, seconds from begun")]

    def execution(self, operation: str) -> Execution | None:
        """Return the first time that an operation was carried out or refused."""
        return next(self._executions("where operation = ? order by id limit 1", operation), None)

    def executions(self) -> list[Execution]:
        """Return everything that was carried out or refused, in order. An operation must be in it once."""
        return list(self._executions("order by id"))

    def execute(
        self,
        portal: str,
        request: ApplyRequest,
        refusal: RefusedError | None,
        now: float,
        check: Callable[[], None],
    ) -> Execution:
        """Carry out a command, or refuse it with ``refusal``, and record that. Not idempotent.

        ``check`` is called once no other process can write: if it raises, nothing is done. So a process that
        was stopped before this moment, for longer than its lease, does not act any more.
        """
        with self._transaction():
            check()
            try:
                if refusal is not None:
                    raise refusal
                self._carry_out(portal, request, now)
            except RefusedError as error:
                refusal = error
            failure, code = (None, None) if refusal is None else (refusal.reason, refusal.code)
            done = Execution(
                request.operation_id, request.server.id, request.command.value, now, failure, code
            )
            self._state.execute(
                "insert into executions (operation, instance, command, at, failure, code)"
                " values (?, ?, ?, ?, ?, ?)",
                (done.operation, done.instance, done.command, done.at, done.failure, done.code),
            )
            self._state.execute("delete from begun where operation = ?", (request.operation_id,))
        return done

    def find(self, portal: str, ref: ServerRef) -> SimulatedServer | None:
        """Return a server by its resource, if the reference has one, or by its instance."""
        if ref.resource is not None:
            return next(self._servers("where resource = ?", ref.resource), None)
        return next(self._servers("where portal = ? and instance = ?", portal, ref.id), None)

    def page(self, portal: str, after: str, limit: int) -> list[SimulatedServer]:
        """Return servers that ``portal`` has created, sorted by instance."""
        where = "where portal = ? and adopted = 0 and instance > ? order by instance limit ?"
        return list(self._servers(where, portal, after, limit))

    def unmanaged(self, limit: int) -> list[SimulatedServer]:
        """Return servers of no portal, sorted by name."""
        return list(self._servers("where portal is null order by name limit ?", limit))

    def last_change(self) -> int:
        """Return the number of the last change, 0 if there was none."""
        row = self._one("select max(id) from changes")
        return int(row[0] or 0) if row else 0

    def changes(self, portal: str, after: int, limit: int) -> list[Change]:
        """Return what has changed at the servers of ``portal`` after change ``after``, in order."""
        query = "select id, instance, resource, adopted from changes"
        rows = self._state.execute(
            f"{query} where id > ? and portal = ? order by id limit ?", (after, portal, limit)
        )
        return [
            Change(number, instance, resource, bool(adopted)) for number, instance, resource, adopted in rows
        ]

    def crash(self, resource: str, reason: str, now: float) -> None:
        """End a server with an error, as if its program had crashed: a change from outside."""
        self._change_outside(
            "update servers set running = 0, failure = ?, began_at = ?", resource, reason, now
        )

    def stop(self, resource: str, now: float) -> None:
        """Stop a server: a change from outside."""
        self._change_outside("update servers set running = 0, failure = null, began_at = ?", resource, now)

    def remove(self, resource: str) -> None:
        """Remove a server: a change from outside."""
        self._change_outside("delete from servers", resource)

    def place(self, server: SimulatedServer) -> None:
        """Let there be a further server, as if somebody had created it: a change from outside."""
        with self._transaction():
            self._insert(server)
            self._record_change(server.portal or "", server.instance or "", server.resource, adopted=False)

    def servers(self) -> list[SimulatedServer]:
        """Return all servers, sorted by resource."""
        return list(self._servers("order by resource"))

    def go_away(self, until: float) -> None:
        """Respond to no agent until then."""
        with self._transaction():
            self._state.execute("delete from outages")
            self._state.execute("insert into outages values (?)", (until,))

    def is_away(self, now: float) -> bool:
        """Whether the engine responds to no agent at this moment."""
        return self._one("select 1 from outages where until > ?", now) is not None

    def _change_outside(self, change: str, resource: str, *values: object) -> None:
        with self._transaction():
            for server in list(self._servers("where resource = ?", resource)):
                self._state.execute(f"{change} where resource = ?", (*values, resource))
                portal, instance = server.portal or "", server.instance or ""
                self._record_change(portal, instance, resource, adopted=server.adopted)

    def _carry_out(self, portal: str, request: ApplyRequest, now: float) -> None:
        if request.command is Command.CREATE:
            self._create(portal, request, now)
            return
        server = self.find(portal, request.server)
        if server is None:
            if request.command is Command.REMOVE:
                return
            raise RefusedError(FailureCode.VANISHED, "there is no such server")
        if request.command is Command.ADOPT:
            self._adopt(portal, request.server, server)
        elif request.command is Command.REMOVE:
            self._state.execute("delete from servers where resource = ?", (server.resource,))
        else:
            self._switch(server, request.command, now)
        adopted = server.adopted or request.command is Command.ADOPT
        self._record_change(portal, request.server.id, server.resource, adopted=adopted)

    def _create(self, portal: str, request: ApplyRequest, now: float) -> None:
        ref = request.server
        if self.find(portal, ref) is not None:
            raise RefusedError(FailureCode.PROVIDER_ERROR, f"a server for {ref.id} exists already")
        resource = f"sim-{portal}-{ref.id}"[:255]
        server = SimulatedServer(
            resource, portal, ref.id, ref.name, ref.template, False, request.start, None, now
        )
        self._insert(server)
        self._state.execute("insert or ignore into images values (?)", (ref.template or "",))
        self._record_change(portal, ref.id, resource, adopted=False)

    def _adopt(self, portal: str, ref: ServerRef, server: SimulatedServer) -> None:
        if (server.portal, server.instance) == (portal, ref.id):
            return
        if server.portal is not None:
            raise RefusedError(FailureCode.PROVIDER_ERROR, f"{server.resource} is managed already")
        self._state.execute(
            "update servers set portal = ?, instance = ?, adopted = 1 where resource = ?",
            (portal, ref.id, server.resource),
        )

    def _switch(self, server: SimulatedServer, command: Command, now: float) -> None:
        running = command is not Command.STOP
        if server.running is running and command is not Command.RESTART:
            return
        self._state.execute(
            "update servers set running = ?, failure = null, began_at = ? where resource = ?",
            (running, now, server.resource),
        )

    def _insert(self, server: SimulatedServer) -> None:
        row = (
            *(server.resource, server.portal, server.instance, server.name, server.template),
            *(server.adopted, server.running, server.failure, server.began_at),
        )
        self._state.execute(f"insert into servers ({_SERVER}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608 - constants

    def _has_image(self, template: str | None) -> bool:
        return self._one("select 1 from images where template = ?", template or "") is not None

    def _record_change(self, portal: str, instance: str, resource: str, *, adopted: bool) -> None:
        query = "insert into changes (portal, instance, resource, adopted) values (?, ?, ?, ?)"
        last = self._state.execute(query, (portal, instance, resource, adopted)).lastrowid or 0
        self._state.execute("delete from changes where id <= ?", (last - _CHANGES_KEPT,))

    def _servers(self, where: str, *values: object) -> Iterator[SimulatedServer]:
        for row in self._state.execute(f"select {_SERVER} from servers {where}", values):  # noqa: S608 - constants
            resource, portal, instance, name, template, adopted, running, failure, began_at = row
            yield SimulatedServer(
                *(resource, portal, instance, name, template), bool(adopted), bool(running), failure, began_at
            )

    def _executions(self, rest: str, *values: object) -> Iterator[Execution]:
        query = f"select operation, instance, command, at, failure, code from executions {rest}"  # noqa: S608 - constants
        for operation, instance, command, at, failure, code in self._state.execute(query, values):
            known = None if code is None else FailureCode(code)
            yield Execution(operation, instance, command, at, failure, known)

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._state.execute(query, values).fetchone()
        return row

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._state.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._state.execute("rollback")
            raise
        self._state.execute("commit")


def read_executions(path: Path) -> list[Execution]:
    """Return what was carried out or refused by the engine at ``path``, in order; for referees."""
    with closing(SimulatedEngine(path)) as engine:
        return engine.executions()
