"""The admin's token: made once, for its owner alone."""

import hashlib
import stat
from pathlib import Path

import pytest

from opsroom_contracts.identity import Role
from opsroom_gateway.auth.static_tokens import StaticTokens, parse_tokens
from opsroom_launcher.errors import RefusedError
from opsroom_launcher.portal.admin_token import admin_token_line
from opsroom_launcher.portal.broker import token_file


def test_it_is_made_once_and_is_an_admins(tmp_path: Path) -> None:
    line = admin_token_line(tmp_path)
    assert admin_token_line(tmp_path) == line
    token = token_file(tmp_path).read_text().strip()
    found = StaticTokens(parse_tokens([line]), None).find(token)
    assert found is not None
    assert (found.name, found.role) == ("local-admin", Role.ADMIN)
    assert token not in line
    assert hashlib.sha256(token.encode()).hexdigest() in line
    assert stat.S_IMODE(token_file(tmp_path).stat().st_mode) == 0o600


def test_a_file_that_is_no_text_is_rejected(tmp_path: Path) -> None:
    admin_token_line(tmp_path)
    token_file(tmp_path).write_bytes(b"\xff")
    with pytest.raises(RefusedError, match="is not text"):
        admin_token_line(tmp_path)
