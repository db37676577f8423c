"""Parsing the broker URLs of a setting."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from opsroom_messaging.errors import InvalidServerUrlError


def parse_server_urls(text: str) -> list[str]:
    """The URLs in ``text``, which are comma-separated.

    They are checked here, since the client can't be closed after it rejected a URL itself.

    Raises:
        InvalidServerUrlError: one of them is malformed.
    """
    urls = [part.strip() for part in text.split(",")]
    for url in urls:
        try:
            parts = urlsplit(url if "://" in url else f"nats://{url}")
            valid = bool(parts.hostname) and parts.port != 0
        except ValueError:
            valid = False
        if not valid:
            raise InvalidServerUrlError(
                f"{_redact(url)!r} is no address of a NATS server, like nats://host:4222"
            )
    return urls


def redact_server_urls(urls: Sequence[str]) -> str:
    """``urls``, comma-separated, without their user names and passwords: for logs and messages."""
    return ",".join(_redact(url) for url in urls)


def _redact(url: str) -> str:
    return url.rpartition("@")[2]
