"""Who comes in to the course contract's dashboard: anybody in open mode, elsewhere those with the role."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from opsroom_contracts.audit import AuditAction
from opsroom_contracts.errors import FaultError
from opsroom_contracts.identity import Action, Mode
from opsroom_gateway.api.audit_log import NotedHere
from opsroom_gateway.api.cloud_commands import Asker
from opsroom_gateway.auth.authorization import Access, Principal
from opsroom_gateway.auth.revocation_watcher import Keeper
from opsroom_gateway.middleware.client_address import caller_of
from opsroom_gateway.middleware.rate_limits import COURSE, Limits


@dataclass(frozen=True, slots=True)
class CourseDoor:
    """Asks for roles where the mode has them. Its clients prove theirs by the ``Authorization`` header."""

    access: Access
    keeper: Keeper
    limits: Limits
    here: NotedHere

    async def viewer(self, connection: HTTPConnection) -> Principal | None:
        """Pass those who may see the servers; None: nobody is asked.

        Raises:
            FaultError: ``token_invalid``, ``unauthenticated``, ``forbidden``; so for all methods.
        """
        if self.access.mode is Mode.OPEN:
            self.access.enforcement.check(caller_of(connection))
            return None
        return await self.access.required(connection, Action.SEE_SERVERS)

    def by_socket(self, connection: HTTPConnection, viewer: Principal | None) -> Asker | None:
        """Who commands by a socket that was opened by ``viewer``; None where they may not."""
        if viewer is None:
            return self._asker(connection, COURSE)
        return self._asker(connection, viewer.name) if Action.COMMAND_SERVERS in viewer.may else None

    async def commander(self, connection: HTTPConnection, action: AuditAction, target: str | None) -> Asker:
        """Pass and count those who may command servers; note in the audit who may not."""
        caller, name = caller_of(connection), COURSE
        try:
            self.access.enforcement.check(caller)
            if self.access.mode is not Mode.OPEN:
                principal = await self.access.principal(connection)
                name = principal.name
                self.access.check(principal, Action.COMMAND_SERVERS)
            self.limits.command(caller, name)
        except FaultError as error:
            self.here.refused(connection, action, name, error.fault, target)
            raise
        return self._asker(connection, name)

    def _asker(self, connection: HTTPConnection, name: str) -> Asker:
        caller = caller_of(connection)
        return Asker(name, caller.address, self.limits.pending_max(caller, name))
