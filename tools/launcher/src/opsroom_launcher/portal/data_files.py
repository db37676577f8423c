"""The files that a start writes into the data folder.

The permissions are derived from all contracts. That takes some 13 MiB for a fraction of a second. So it is
done in a child process, because the launcher runs as long as the portal.
"""

from functools import partial
from pathlib import Path

from opsroom_launcher.portal.in_child import in_child


def write_data_files(folder: Path, port: int, provider: str | None) -> str:
    """Write the broker's configuration and the admin's token; return the line of the token.

    ``provider``: that of the portal's agent, if it runs one.

    Raises:
        RefusedError: a file can't be written or used, or the data is that of a cluster.
    """
    return in_child(partial(_write, folder, port, provider))


def _write(folder: Path, port: int, provider: str | None) -> str:
    from opsroom_launcher.portal.admin_token import admin_token_line  # noqa: PLC0415 - see above
    from opsroom_launcher.portal.broker_config import write_config  # noqa: PLC0415 - see above

    write_config(folder, port, [provider] if provider else [])
    return admin_token_line(folder)
