"""Addresses of the web that settings name, read as a browser reads them."""

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

import idna

ANY_ORIGIN: Final = "*"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_CUSTOM_SCHEME_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9._~-]+")
"""What applications with a browser inside call themselves, such as ``tauri://localhost``."""
_HOSTLESS_SCHEMES: Final = frozenset({"file", "data", "blob", "about", "javascript"})
_FORBIDDEN_IN_HOST: Final = re.compile(r"[\s\x00-\x20\"#%/:<>?@\[\\\]^`{|}\x7f]")


def parse_origin(text: str) -> str:
    """The origin of the pages at ``text``, exactly as browsers send it.

    What follows the host is dropped: browsers tell no more of a page than its scheme, host and port.

    Raises:
        ValueError: it can't be told which origin is meant; the message says what to write.
    """
    text = text.strip()
    if text == ANY_ORIGIN:
        return text
    if text.lower() == "null":
        raise ValueError("'null' is every page that hides where it comes from: name the pages' own origin")
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
    """The address of an issuer, unchanged: tokens must name it letter by letter.

    Raises:
        ValueError: it is none; the message says why.
    """
    text = text.strip()
    parts = _split(text)
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"{text!r} must begin with https://, as the issuer calls itself")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError(f"{text!r} must have no query and no fragment")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must have no user name and no password")
    _port(text, parts)
    normalize_host(parts.hostname or "")
    return text


def normalize_host(host: str) -> str:
    """A host as browsers write it: in small letters, in ASCII, addresses in their shortest form.

    Raises:
        ValueError: there is no such host.
    """
    try:
        if ":" in host:
            return f"[{ipaddress.IPv6Address(host)}]"
        if host.rstrip(".").rpartition(".")[2].isdecimal():  # to a browser a number, however it is written
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise ValueError(
            f"{host!r} is no IP address: write all of it, like 192.0.2.7 or [2001:db8::7]"
        ) from None
    if not host or _FORBIDDEN_IN_HOST.search(host):
        raise ValueError(f"{host!r} is no host name")
    try:
        return host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError(f"{host!r} is no host name: {str(error)[:200]}") from None


def _split(text: str) -> SplitResult:
    if "://" not in text:
        raise ValueError(f"{text!r} has no scheme: write it with https:// (or http://) before the host")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no address of the web: {error}") from None
    if not parts.hostname:
        raise ValueError(f"{text!r} has no host: write one like https://you.github.io")
    return parts


def _port(text: str, parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"{text!r} has no port from 1 to 65535")
    return port
