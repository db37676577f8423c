"""The files of the embedded broker: its configuration, and the passwords of its users."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.portal.broker import HOST, config_file, users_folder
from opsroom_launcher.portal.ports import format_host_port
from opsroom_messaging.deployment.broker_accounts import create_accounts
from opsroom_messaging.deployment.broker_data import BrokerKind, check
from opsroom_messaging.deployment.broker_settings import PINGS
from opsroom_messaging.deployment.permissions import authorization
from opsroom_messaging.deployment.private_files import write_private
from opsroom_messaging.errors import BrokerDataError


def write_config(folder: Path, port: int, providers: Sequence[str] = ()) -> None:
    """Write the configuration into the data folder ``folder``. Passwords are generated at the first start.

    ``providers``: those whose agents get a user each.

    Raises:
        RefusedError: the folder can't be written, or has the data of a cluster.
    """
    config = config_file(folder)
    try:
        check(folder, BrokerKind.SINGLE)
        url = f"nats://{format_host_port(HOST, port)}"
        passwords = create_accounts(users_folder(folder), url, providers)
        write_private(config, _config(folder, port, passwords))
    except BrokerDataError as error:
        raise RefusedError(f"opsroom: {folder}: {error}") from None
    except OSError as error:
        raise RefusedError(f"opsroom: can't write {config}: {error.strerror}") from error


def _config(folder: Path, port: int, passwords: Mapping[str, str]) -> str:
    """Format the configuration as JSON, so that any path needs no special quoting. No monitoring port."""
    settings = {
        "server_name": "opsroom",
        "host": HOST,
        "port": port,
        **PINGS,
        "jetstream": {
            "store_dir": str(folder.resolve()),
            # An acknowledged message survives a power failure. The default is to sync every two minutes.
            "sync_interval": "always",
            "max_file_store": _storage_limit(folder),
        },
        "authorization": authorization(passwords),
    }
    return json.dumps(settings, indent=2, ensure_ascii=False) + "\n"


def _storage_limit(folder: Path) -> int:
    """Return three quarters of the bytes that are free on the disk or already used by JetStream.

    The server's default is three quarters of what is free at its start. So the more it has stored, the less
    it may store: after a restart it would refuse to store more, long before the disk is full.
    """
    stored = sum(path.lstat().st_size for path in folder.glob("jetstream/**/*") if path.is_file())
    return (shutil.disk_usage(folder).free + stored) * 3 // 4
