"""Install uv from its wheel with the standard library alone, for a Python that has neither pip nor venv."""

import hashlib
import io
import json
import os
import platform
import sysconfig
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from opsroom_launcher.errors import RefusedError

_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_PYPI = "https://pypi.org/simple"
_JSON = "application/vnd.pypi.simple.v1+json"
"""The index's JSON form: https://packaging.python.org/en/latest/specifications/simple-repository-api/"""
_TIMEOUT_SECONDS = 120.0
_MOST_BYTES = 200 * 1024**2


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel of uv on the index."""

    version: tuple[int, ...]
    url: str
    sha256: str


def install_wheel(release: str, binary: Path) -> None:
    """Write the newest uv of ``release`` ("0.13") for this platform to ``binary``.

    Raises:
        RefusedError: the index can't be read, has no such wheel, or the wheel's hash differs.
    """
    index = next((os.environ[name] for name in _INDEX_VARIABLES if os.environ.get(name)), _PYPI)
    page = f"{index.rstrip('/')}/uv/"
    try:
        wheels = [wheel for wheel in _wheels(page) if _dotted(wheel.version[:2]) == release]
        if not wheels:
            raise ValueError(f"no wheel of uv {release} for {sysconfig.get_platform()}")
        newest = max(wheels, key=lambda wheel: wheel.version)
        content = _get(newest.url)
        if hashlib.sha256(content).hexdigest() != newest.sha256:
            raise ValueError(f"the hash of {newest.url} differs")
        _extract(content, binary)
    except (OSError, ValueError, LookupError, TypeError, zipfile.BadZipFile) as error:
        raise RefusedError(
            f"opsroom: can't install uv from {page} ({error}): put uv on PATH, or install pip and venv"
            " (Debian, Ubuntu: apt-get install python3-venv)"
        ) from error


def _wheels(page: str) -> Iterator[Wheel]:
    """Yield the wheels of uv for this platform.

    Raises:
        LookupError, TypeError, ValueError: the page is not one of a package index.
    """
    files: list[dict[str, Any]] = json.loads(_get(page))["files"]
    for file in files:
        name, _, tags = str(file["filename"]).partition("-py3-none-")
        version = name.removeprefix("uv-")
        if version.replace(".", "").isdigit() and _fits(tags) and not file.get("yanked"):
            numbers = tuple(map(int, version.split(".")))
            yield Wheel(numbers, urljoin(page, file["url"]), file["hashes"]["sha256"])


def _fits(tags: str) -> bool:
    """Whether ``tags``, the end of a wheel's name, match this platform."""
    system, _, machine = sysconfig.get_platform().replace(".", "_").partition("-")
    if system == "linux":
        system = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    machine = machine.rpartition("-")[2] or machine
    return any(
        tag.startswith(system) and tag.endswith(machine) for tag in tags.removesuffix(".whl").split(".")
    )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _get(url: str) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"{url} is not a web address")
    request = urllib.request.Request(url, headers={"Accept": f"{_JSON}, */*"})  # noqa: S310 - checked above
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
        content: bytes = response.read(_MOST_BYTES)
    return content


def _extract(wheel: bytes, binary: Path) -> None:
    """Extract the program from ``wheel``. It gets its final name only once it is complete."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        (member,) = [name for name in archive.namelist() if name.endswith((".data/scripts/uv", "/uv.exe"))]
        binary.parent.mkdir(parents=True, exist_ok=True)
        part = binary.with_name(binary.name + ".part")
        part.write_bytes(archive.read(member))
    part.chmod(0o755)
    part.replace(binary)
