"""Settings of access: invalid combinations are rejected at startup."""

import asyncio
import os
import re
import sys

import pytest

from opsroom_gateway.auth.factory import static_tokens
from opsroom_gateway.settings import GatewaySettings
from opsroom_runtime.errors import SettingsError


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"GATEWAY_HOST": "0.0.0.0"}, "GATEWAY_ACCESS must be set to listen on 0.0.0.0"),
        ({"GATEWAY_ACCESS": "token"}, "GATEWAY_TOKENS; to make a token: python -m"),
        (
            {"GATEWAY_ACCESS": "token", "GATEWAY_TOKENS_FILE": "/nowhere"},
            "GATEWAY_TOKENS_FILE: /nowhere: No such",
        ),
        ({"GATEWAY_ACCESS": "token", "GATEWAY_TOKENS": "x"}, "GATEWAY_TOKENS: token 1: must be"),
        ({"GATEWAY_ACCESS": "closed"}, "GATEWAY_ACCESS='closed'"),
        (
            {"GATEWAY_ACCESS": "token", "GATEWAY_TOKENS": "x", "GATEWAY_ALLOWED_ORIGINS": "*"},
            "'*' is for open mode",
        ),
        ({"GATEWAY_TLS_CERT": "/nowhere"}, "go together"),
        ({"GATEWAY_ACCESS": "oidc"}, "needs GATEWAY_OIDC_ISSUER and"),
        ({"GATEWAY_OIDC_ROLES": "ops=boss"}, "must be value=role"),
    ],
)
async def test_invalid_access_settings_are_rejected(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        static_tokens(GatewaySettings.from_environment(environ))


async def test_a_gateway_reachable_by_others_does_not_start_without_an_access_mode() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "opsroom_gateway",
        env={**os.environ, "GATEWAY_HOST": "0.0.0.0", "GATEWAY_PORT": "0"},
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        _, complaint = await process.communicate()
    assert process.returncode == 78
    assert complaint.count(b"\n") == 1
    assert b"opsroom-gateway: GATEWAY_ACCESS must be set" in complaint
