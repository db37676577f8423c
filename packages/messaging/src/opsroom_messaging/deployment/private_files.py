"""The files that hold the broker's passwords: where they are, and how they are written.

It imports nothing of size: the launcher uses it in the process that stays.
"""

import os
from pathlib import Path

OPERATOR = "operator"
"""The user of the command line, without restrictions."""
SHARED_AGENT = "agent"
"""The user that may act for every provider, for a portal whose agents all belong to one owner."""
_AGENT_PREFIX = f"{SHARED_AGENT}-"
_BOT_PREFIX = "bot-"
_PASSWORD_FILE = "nats-password"  # noqa: S105 - a name
_CONTEXT_FILE = "context.json"


def agent_user(provider: str) -> str:
    """The user of the agent of ``provider``, which can act for no other one."""
    return _AGENT_PREFIX + provider


def provider_of(user: str) -> str | None:
    """The only provider for which ``user`` acts; None: it is none of `agent_user`."""
    return user.removeprefix(_AGENT_PREFIX) if user.startswith(_AGENT_PREFIX) else None


def named_agents(folder: Path) -> set[str]:
    """The users of `agent_user` that have a password in ``folder``."""
    return {path.parent.name for path in folder.glob(f"{_AGENT_PREFIX}*/{_PASSWORD_FILE}")}


def bot_user(bot: str) -> str:
    """The user of the bot named ``bot``, which can offer commands as no other one."""
    return _BOT_PREFIX + bot


def bot_of(user: str) -> str | None:
    """The bot whose user ``user`` is; None: it is none of `bot_user`."""
    return user.removeprefix(_BOT_PREFIX) if user.startswith(_BOT_PREFIX) else None


def named_bots(folder: Path) -> set[str]:
    """The users of `bot_user` that have a password in ``folder``."""
    return {path.parent.name for path in folder.glob(f"{_BOT_PREFIX}*/{_PASSWORD_FILE}")}


def password_file(folder: Path, user: str) -> Path:
    """The path of the password file of ``user``."""
    return folder / user / _PASSWORD_FILE


def context_file(folder: Path) -> Path:
    """The path of the operator's context for the ``nats`` command line."""
    return folder / OPERATOR / _CONTEXT_FILE


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` atomically, with mode 0600 from the beginning."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
