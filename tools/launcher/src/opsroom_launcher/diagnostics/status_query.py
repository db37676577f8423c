"""The status of a portal, from its broker or its gateway."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import click

from opsroom_client import errors
from opsroom_client.cli.running import TIMEOUT_SECONDS, error_text, read_token
from opsroom_client.client import Opsroom
from opsroom_contracts.status import Status
from opsroom_launcher.errors import RefusedError, UnreachableError, UsageError
from opsroom_launcher.selection.portal_locator import PortalLocation
from opsroom_messaging.client.connection import connect
from opsroom_messaging.deployment.private_files import OPERATOR
from opsroom_messaging.deployment.status_probe import collect_status
from opsroom_messaging.errors import BrokerUnusableError, UnavailableError
from opsroom_runtime.errors import SettingsError

_CONNECT_SECONDS = 3.0


async def query_status(location: PortalLocation, token_file: Path | None) -> Status:
    """Query the broker, or the gateway if the address of the broker is unknown.

    Raises:
        UnreachableError: there is no broker, or it does not respond.
        UsageError: a setting is wrong.
        RefusedError: the gateway rejects the request.
    """
    if location.by_gateway:
        return await _query_gateway(location.selected.url, location.environ, token_file)
    nothing = UnreachableError(f"opsroom: nothing runs in {location.data} (start it: {location.command} up)")
    try:
        found = location.broker()
        if found is None:
            raise nothing
        url, access = found
        if not (location.selected.record or location.external_broker or await _accepts_connections(url)):
            raise nothing  # at once, because the attempts to connect take seconds
        broker = await connect(url, name=OPERATOR, credentials=access, timeout=_CONNECT_SECONDS)
        try:
            return await collect_status(broker)
        finally:
            await broker.close()
    except (SettingsError, BrokerUnusableError, UnavailableError) as error:
        # For our own broker, report any connection error as "nothing runs".
        embedded = (
            isinstance(error, BrokerUnusableError)
            and not location.selected.record
            and not location.external_broker
        )
        refused = UsageError if isinstance(error, SettingsError) else UnreachableError
        raise nothing if embedded else refused(f"opsroom: {error}") from None


async def _accepts_connections(url: str) -> bool:
    address = urlsplit(url)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(address.hostname, address.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _query_gateway(url: str, environ: Mapping[str, str], token_file: Path | None) -> Status:
    """Return the response of ``GET /api/v1/status``.

    Raises:
        UnreachableError: nothing responds at ``url``.
        UsageError: ``url`` is not usable, or the token can't be read.
        RefusedError: the token is rejected.
    """
    try:
        token = read_token(token_file, environ.get("OPSROOM_TOKEN") or None)
        async with Opsroom(url, token=token, timeout=TIMEOUT_SECONDS) as opsroom:
            return await opsroom.status()
    except click.BadParameter as error:
        raise UsageError(f"opsroom: {error.param_hint} {error.message}") from None
    except errors.UnreachableError as error:
        raise UnreachableError(f"opsroom: {error}") from None
    except errors.OpsroomError as error:
        raise RefusedError(f"opsroom: {error_text(error)}") from None
