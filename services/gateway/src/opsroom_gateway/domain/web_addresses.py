"""Parsers of origins, issuer URLs and hosts in settings, with the rules of browsers."""

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

import idna

ANY_ORIGIN: Final = "*"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_CUSTOM_SCHEME_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9._~-]+")
"""Origins of applications with an embedded browser, such as ``tauri://localhost``."""
_HOSTLESS_SCHEMES: Final = frozenset({"file", "data", "blob", "about", "javascript"})
_FORBIDDEN_IN_HOST: Final = re.compile(r"[\s\x00-\x20\"#%/:<>?@\[\\\]^`{|}\x7f]")


def parse_origin(text: str) -> str:
    """Return the origin of the pages at ``text``, exactly as browsers send it.

    The path is dropped: an origin is only scheme, host and port.

    Raises:
        ValueError: the origin is ambiguous or invalid; the message says what to write.
    """
    text = text.strip()
    if text == ANY_ORIGIN:
        return text
    if text.lower() == "null":
        raise ValueError("'null' is the origin of any sandboxed or local page: name the pages' own origin")
    if "*" in text:
        raise ValueError(f"{text!r} is a pattern: name each origin, like https://you.github.io, or '*' alone")
    parts = _split(text)
    if parts.scheme not in _DEFAULT_PORTS:
        if parts.scheme not in _HOSTLESS_SCHEMES and _CUSTOM_SCHEME_ORIGIN.fullmatch(text):
            return text
        raise ValueError(f"{text!r} has no origin that browsers send: write one like https://you.github.io")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an origin has no user name and no password: write one like https://you.github.io")
    port = _port(text, parts)
    host = normalize_host(parts.hostname or "")
    return f"{parts.scheme}://{host}" + ("" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}")


def parse_issuer(text: str) -> str:
    """Return an issuer URL unchanged: tokens must contain it letter by letter.

    Raises:
        ValueError: it is invalid; the message says why.
    """
    text = text.strip()
    parts = _split(text)
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"{text!r} must start with https://, as in the provider's metadata")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError(f"{text!r} must have no query and no fragment")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must have no user name and no password")
    _port(text, parts)
    normalize_host(parts.hostname or "")
    return text


def require_secure_url(address: str) -> str:
    """Return ``address`` if nobody in between can change a response: https, or this machine.

    Raises:
        ValueError: it is another address.
    """
    parts = urlsplit(address)
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or not (parts.scheme == "https" or (local and parts.scheme == "http")):
        raise ValueError(f"{address!r} is not https")
    return address


def normalize_host(host: str) -> str:
    """Return a host as browsers write it: lower case, ASCII, addresses in their shortest form.

    Raises:
        ValueError: it is invalid.
    """
    try:
        if ":" in host:
            return f"[{ipaddress.IPv6Address(host)}]"
        if host.rstrip(".").rpartition(".")[2].isdecimal():  # browsers parse it as a number in any notation
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise ValueError(
            f"{host!r} is not an IP address: write all of it, like 192.0.2.7 or [2001:db8::7]"
        ) from None
    if not host or _FORBIDDEN_IN_HOST.search(host):
        raise ValueError(f"{host!r} is not a host name")
    try:
        return host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError(f"{host!r} is not a host name: {str(error)[:200]}") from None


def _split(text: str) -> SplitResult:
    if "://" not in text:
        raise ValueError(f"{text!r} has no scheme: write it with https:// (or http://) before the host")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a URL: {error}") from None
    if not parts.hostname:
        raise ValueError(f"{text!r} has no host: write one like https://you.github.io")
    return parts


def _port(text: str, parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"{text!r} needs a port from 1 to 65535")
    return port
