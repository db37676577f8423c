"""The status of a portal whose broker is out of reach: its gateway tells it."""

from collections.abc import Mapping
from pathlib import Path

import click

from opsroom_client.cli.running import PATIENCE_SECONDS, read_token
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError
from opsroom_contracts.status import Status
from opsroom_launcher.errors import RefusedError


async def ask_gateway(url: str, environ: Mapping[str, str], token_file: Path | None) -> Status:
    """The answer of ``GET /api/v1/status``.

    Raises:
        RefusedError: nobody answers at ``url``, or the token does not do.
    """
    try:
        token = read_token(token_file, environ.get("OPSROOM_TOKEN") or None)
        async with Opsroom(url, token=token, patience=PATIENCE_SECONDS) as opsroom:
            return await opsroom.status()
    except click.BadParameter as error:
        raise RefusedError(f"opsroom: {error.param_hint} {error.message}") from None
    except OpsroomError as error:
        raise RefusedError(f"opsroom: {error}") from None
