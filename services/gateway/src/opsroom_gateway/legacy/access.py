"""Authorization for the course contract's dashboard: everybody in open mode, otherwise by role."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from opsroom_contracts.audit import AuditAction
from opsroom_contracts.errors import FaultError
from opsroom_contracts.identity import Action, Identity, Mode, anonymous_identity
from opsroom_contracts.legacy import ACTOR
from opsroom_gateway.api.audit_log import GatewayAuditLog, requester_of
from opsroom_gateway.api.cloud.client import CommandContext
from opsroom_gateway.auth.authorization import Authorizer, Principal
from opsroom_gateway.auth.revocation_watcher import RevocationWatcher
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.middleware.rate_limits import Limits


@dataclass(frozen=True, slots=True)
class LegacyAccess:
    """Checks roles, except in open mode. Clients authenticate by the ``Authorization`` header."""

    access: Authorizer
    revocations: RevocationWatcher
    limits: Limits
    audit_log: GatewayAuditLog

    async def viewer(self, connection: HTTPConnection) -> Principal | None:
        """Check that the client may see the instances. None: open mode, without authentication.

        Raises:
            FaultError: ``token_invalid``, ``unauthenticated``, ``forbidden``; other methods raise it as well.
        """
        if self.access.mode is Mode.OPEN:
            self.access.enforcer.check(client_of(connection))
            return None
        return await self.access.authorize(connection, Action.SEE_SERVERS)

    def socket_context(self, connection: HTTPConnection, viewer: Principal | None) -> CommandContext | None:
        """Return the context of a command over a socket opened by ``viewer``; None if they may not command.

        Call it for each command: the role may have ended since the socket was opened.
        """
        if viewer is None:
            return self._context(connection, ACTOR, anonymous_identity(client_of(connection).network))
        if not self.access.is_still_allowed(viewer, Action.COMMAND_SERVERS):
            return None
        return self._context(connection, viewer.name, viewer.identity)

    async def require_commander(
        self, connection: HTTPConnection, action: AuditAction, target: str | None
    ) -> CommandContext:
        """Check that the client may command instances, and count the command. Refusals are audited."""
        client = client_of(connection)
        name, identity = ACTOR, anonymous_identity(client.network)
        try:
            self.access.enforcer.check(client)
            if self.access.mode is not Mode.OPEN:
                principal = await self.access.principal(connection)
                name, identity = principal.name, principal.identity
                self.access.check(principal, Action.COMMAND_SERVERS)
            self.limits.count_command(client, identity)
        except FaultError as error:
            by = requester_of(connection, name, identity)
            self.audit_log.refused(action, by, error.fault, target)
            raise
        return self._context(connection, name, identity)

    def _context(self, connection: HTTPConnection, name: str, identity: Identity) -> CommandContext:
        client = client_of(connection)
        # Clients of the contract know no command that waits: one that must be approved is refused.
        pending_max = self.limits.pending_max(client)
        return CommandContext(name, identity, client.address, pending_max, may_await=False)
