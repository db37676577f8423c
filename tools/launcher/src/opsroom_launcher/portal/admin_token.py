"""The admin's token of a portal with its own broker: a secret that only the user who starts it can read.

With it, `opsroom invite` works in every mode, also before there is another admin. Being on this machine
proves nothing: behind a proxy here, every visitor seems to be.
"""

from pathlib import Path

from opsroom_contracts.identity import Role
from opsroom_gateway.auth.static_tokens import make_token, token_line
from opsroom_launcher.errors import RefusedError
from opsroom_launcher.portal.broker import token_file
from opsroom_messaging.deployment.private_files import write_private

NAME = "local-admin"
"""The name of the token, which nobody else can register."""


def admin_token_line(data: Path) -> str:
    """Return the token's line for ``GATEWAY_TOKENS``; the token is created if there is none.

    Raises:
        RefusedError: the file can't be read or written.
    """
    path = token_file(data)
    try:
        token = path.read_text(encoding="utf-8").strip() if path.exists() else ""
        if not token:
            token, _ = make_token(NAME, Role.ADMIN)
            write_private(path, token + "\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise RefusedError(f"opsroom: the admin's token {path}: {reason}") from error
    return token_line(NAME, Role.ADMIN, token)
