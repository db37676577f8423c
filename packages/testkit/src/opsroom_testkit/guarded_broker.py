"""A real nats-server with Opsroom's users and their permissions."""

import json
from collections.abc import Sequence
from pathlib import Path

from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.deployment.broker_accounts import create_accounts
from opsroom_messaging.deployment.permissions import authorization
from opsroom_messaging.deployment.private_files import password_file
from opsroom_testkit.broker import BrokerProcess


class GuardedBroker(BrokerProcess):
    """A nats-server with Opsroom's users, and those of ``bots`` and of agents of ``providers``."""

    def __init__(self, folder: Path, providers: Sequence[str] = (), bots: Sequence[str] = ()) -> None:
        super().__init__(folder)
        self._providers = providers
        self._bots = bots
        self.folder = folder
        self.users = folder / "users"

    def _storage(self) -> str:
        create_accounts(self.users, "nats://127.0.0.1:4222")  # with the shared user of agents
        passwords = create_accounts(self.users, "nats://127.0.0.1:4222", self._providers, self._bots)
        return super()._storage() + "\nauthorization: " + json.dumps(authorization(passwords))

    def access(self, user: str) -> Credentials:
        """Return the credentials of ``user``."""
        return Credentials(user, password_file(self.users, user))

    def environ(self, user: str) -> dict[str, str]:
        """Return the environment variables with the credentials of ``user``."""
        file = password_file(self.users, user)
        return {"NATS_URL": self.url, "NATS_USER": user, "NATS_PASSWORD_FILE": str(file)}

    def refusals(self) -> list[str]:
        """Return the permission violations in its log."""
        return [line for line in (self.folder / "nats.log").read_text().splitlines() if "Violation" in line]
