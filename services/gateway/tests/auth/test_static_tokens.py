"""Static tokens: parsing of their list, and the command that creates one."""

import pytest

from opsroom_contracts.identity import Role
from opsroom_gateway.auth.static_tokens import StaticTokensError, main, parse_tokens


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("alice", "must be"),
        ("alice operator secret", "must be"),
        ("alice boss sha256:" + "0" * 64, "role must be one of member, viewer"),
        ("\u200b operator sha256:" + "0" * 64, "invisible"),
    ],
)
async def test_an_invalid_line_is_reported_with_its_number(line: str, message: str) -> None:
    with pytest.raises(StaticTokensError, match=f"token 2: .*{message}"):
        parse_tokens(["# first", line])


async def test_the_command_creates_a_token_and_prints_its_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alice", "operator"]) == 0
    made = capsys.readouterr()
    token = next(line for line in made.err.splitlines() if line.startswith("opsroom_"))
    assert token not in made.out
    (entry,) = parse_tokens([made.out])
    assert (entry.name, entry.role) == ("alice", Role.OPERATOR)
