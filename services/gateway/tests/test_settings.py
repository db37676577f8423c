"""Tokens given out and settings of who gets in: what is read, and what is refused before anything runs."""

import asyncio
import os
import re
import sys

import pytest

from opsroom_contracts.identity import Role
from opsroom_gateway.auth.factory import static_tokens
from opsroom_gateway.auth.static_tokens import StaticTokensError, main, parse_tokens
from opsroom_gateway.settings import GatewaySettings
from opsroom_messaging.runtime.settings import SettingsError


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("alice", "must be"),
        ("alice operator secret", "must be"),
        ("alice boss sha256:" + "0" * 64, "role must be one of member, viewer"),
        ("\u200b operator sha256:" + "0" * 64, "invisible"),
    ],
)
async def test_a_line_that_is_no_token_is_named(line: str, words: str) -> None:
    with pytest.raises(StaticTokensError, match=f"token 2: .*{words}"):
        parse_tokens(["# first", line])


async def test_a_token_is_made_by_a_command_and_kept_as_a_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alice", "operator"]) == 0
    made = capsys.readouterr()
    token = next(line for line in made.err.splitlines() if line.startswith("opsroom_"))
    assert token not in made.out
    (entry,) = parse_tokens([made.out])
    assert (entry.name, entry.role) == ("alice", Role.OPERATOR)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"GATEWAY_HOST": "0.0.0.0"}, "GATEWAY_ACCESS must be set to listen on 0.0.0.0"),
        ({"GATEWAY_ACCESS": "token"}, "needs GATEWAY_TOKENS_FILE"),
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
async def test_settings_that_can_not_tell_who_is_who_are_refused(environ: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(words)):
        static_tokens(GatewaySettings.from_environment(environ))


async def test_a_gateway_that_others_can_reach_does_not_start_unless_its_mode_is_said() -> None:
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
