"""Static tokens: a name, a role and a digest each, never the token itself.

``python -m opsroom_gateway.auth.static_tokens alice operator`` creates one.
"""

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from opsroom_contracts.identity import Identity, Role
from opsroom_contracts.text import NameIndex, NameRuleError, clean_name
from opsroom_runtime import ticks

_PREFIX = "opsroom_"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REREAD_SECONDS = 1.0
_MAX_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


class StaticTokensError(ValueError):
    """An unusable list of tokens. The message says which line and why, without its content."""


@dataclass(frozen=True, slots=True)
class StaticToken:
    """``digest``: SHA-256 in hexadecimal."""

    name: str
    role: Role
    digest: str

    @property
    def source(self) -> Identity:
        """The name under which grants refer to it, and so the identity of its holder."""
        return f"token:{self.digest[:32]}"


def parse_tokens(lines: Iterable[str]) -> tuple[StaticToken, ...]:
    """Parse one token per line: ``<name> <role> sha256:<digest>``. Blank lines and ``# ...`` are skipped.

    Raises:
        StaticTokensError: a line is invalid, or a token is there twice.
    """
    found: dict[str, StaticToken] = {}
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        token = _parse_line(fields, number)
        if token.digest in found:
            raise StaticTokensError(f"token {number}: the same token is there twice")
        found[token.digest] = token
    return tuple(found.values())


def _parse_line(fields: list[str], number: int) -> StaticToken:
    if len(fields) < 3 or _DIGEST.fullmatch(fields[-1]) is None:
        raise StaticTokensError(f"token {number}: must be '<name> <role> sha256:<64 hexadecimal digits>'")
    roles = ", ".join(Role)
    if fields[-2] not in set(Role):
        raise StaticTokensError(f"token {number}: the role must be one of {roles}")
    try:
        name = clean_name(" ".join(fields[:-2]))
    except NameRuleError as error:
        raise StaticTokensError(f"token {number}: {error}") from None
    return StaticToken(name, Role(fields[-2]), fields[-1].removeprefix("sha256:"))


class StaticTokens:
    """The current tokens: from the environment, and from a file that is reread when it changes."""

    def __init__(self, fixed: tuple[StaticToken, ...], file: Path | None) -> None:
        self._fixed = fixed
        self._file = file
        self._file_version: tuple[int, int] | None = None
        self._use(fixed)

    def __len__(self) -> int:
        return len(self._tokens)

    def all(self) -> tuple[StaticToken, ...]:
        """Return all tokens."""
        return self._tokens

    def find(self, token: str) -> StaticToken | None:
        """Return the entry of ``token``. Compares with every entry, so that the timing reveals nothing."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        found = None
        for entry in self._tokens:
            if hmac.compare_digest(entry.digest, digest):
                found = entry
        return found

    def is_valid(self, source: str) -> bool:
        """Return whether the token of a grant still exists."""
        return any(entry.source == source for entry in self._tokens)

    def by_source(self, source: str) -> StaticToken | None:
        """Return the token of a grant."""
        return next((entry for entry in self._tokens if entry.source == source), None)

    def name_of(self, identity: Identity) -> str | None:
        """Return the name of the token with this identity; None if there is no such token."""
        entry = self.by_source(identity)
        return None if entry is None else entry.name

    def holders_of(self, name: str) -> tuple[Identity, ...]:
        """Return the identities of the tokens with a name that counts as the same: nobody else may use it."""
        return self._by_name.find(name)

    def _use(self, tokens: tuple[StaticToken, ...]) -> None:
        self._tokens = tokens
        self._by_name: NameIndex[Identity] = NameIndex()
        for entry in tokens:
            self._by_name.add(entry.name, entry.source)

    def load(self) -> None:
        """Read the file if it has changed.

        Raises:
            StaticTokensError: it can't be read or used; the present tokens stay.
        """
        if self._file is None:
            return
        try:
            status = self._file.stat()
            version = (status.st_mtime_ns, status.st_size)
            if version == self._file_version:
                return
            with self._file.open(encoding="utf-8") as file:
                lines = file.read(_MAX_BYTES).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
            raise StaticTokensError(f"{self._file}: {reason}") from error
        self._file_version = version
        try:
            self._use((*self._fixed, *parse_tokens(lines)))
        except StaticTokensError as error:
            raise StaticTokensError(f"{self._file}: {error}") from None
        log.info("loaded %d static tokens", len(self._tokens))

    async def run(self) -> None:
        """Reread the file when it changes, until cancelled. An unusable one is logged once and ignored."""
        reported = ""
        if self._file is None:
            await asyncio.Event().wait()  # nothing can change
        while True:
            await ticks.sleep(_REREAD_SECONDS)
            try:
                await asyncio.to_thread(self.load)
                reported = ""
            except StaticTokensError as error:
                if str(error) != reported:
                    reported = str(error)
                    log.error("the static tokens were not reloaded: %s", error)


def make_token(name: str, role: str) -> tuple[str, str]:
    """Return a new token and its line for the list.

    Raises:
        StaticTokensError: the name or the role is invalid.
    """
    token = _PREFIX + secrets.token_urlsafe(32)
    line = token_line(name, role, token)
    parse_tokens([line])
    return token, line


def token_line(name: str, role: str, token: str) -> str:
    """Return the line of ``token`` for the list."""
    return f"{name} {role} sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def main(arguments: list[str]) -> int:
    """Create a token and print it with its line. Returns the exit code."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m opsroom_gateway.auth.static_tokens NAME ROLE\n")
        return 2
    try:
        token, line = make_token(*arguments)
    except StaticTokensError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stderr.write(f"The token for {arguments[0]}; it is shown only once:\n{token}\n")
    sys.stderr.write("The line for the file of GATEWAY_TOKENS_FILE (on standard output):\n")
    sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
