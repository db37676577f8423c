"""Everything that the client can do with servers."""

from opsroom_client.cloud.commands import Commands
from opsroom_client.cloud.following import Following
from opsroom_client.cloud.views import Views


class Cloud(Commands, Following, Views):
    """Servers and their commands. Wherever a method takes the id of a server, its name works, too.

    Commands take an idempotency ``key``: commands with the same key are executed once. All methods raise
    :class:`RequestRejectedError`, :class:`UnreachableError` and :class:`UnexpectedResponseError`.
    """
