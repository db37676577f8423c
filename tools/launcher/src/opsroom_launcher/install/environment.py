"""The repository's virtual environment, and the stamp that says whether it is what the lock file asks for."""

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_STAMP = "opsroom-stamp"
_WORKSPACE_MEMBERS = ("packages/*/pyproject.toml", "services/*/pyproject.toml", "tools/*/pyproject.toml")
_RUNTIME = "runtime"
_DEVELOPMENT = "development"


@dataclass(frozen=True, slots=True)
class Environment:
    """Where it is and what it is made from."""

    root: Path
    """The repository."""
    folder: Path

    @classmethod
    def of(cls, root: Path, environ: Mapping[str, str]) -> "Environment":
        """The environment that uv makes for the repository at ``root``."""
        return cls(root, root / environ.get("UV_PROJECT_ENVIRONMENT", ".venv"))

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    def is_current(self, *, development: bool) -> bool:
        """Whether nothing need be installed; ``development`` asks for the tools of test and check too.

        What has them serves a plain run as well: going from `test` to `up` and back must install nothing.
        Nor is it made anew for a plain run because another Python started it: a portal may be running in it.
        Tests run in the Python that starts them.
        """
        try:
            kind, python, digest = self._stamp.read_text(encoding="ascii").split()
        except (OSError, ValueError):
            return False
        if development and (kind, python) != (_DEVELOPMENT, _this_python()):
            return False
        return self.python.exists() and digest == self._digest()

    def mark(self, *, development: bool) -> None:
        """Note that it has just been made."""
        kind = _DEVELOPMENT if development else _RUNTIME
        self._stamp.write_text(f"{kind} {_this_python()} {self._digest()}\n", encoding="ascii")

    @property
    def _stamp(self) -> Path:
        return self.folder / _STAMP  # inside, so that it can't outlive what it is about

    def _digest(self) -> str:
        """One number for all that the environment follows from, and for what is in it."""
        digest = hashlib.sha256()
        for part in self._parts():
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()

    def _parts(self) -> Iterator[bytes]:
        # The workspace's packages are installed as links, so the place counts: a moved folder is to be made
        # anew.
        yield os.fsencode(self.root)
        for pattern in ("uv.lock", "pyproject.toml", *_WORKSPACE_MEMBERS):
            for path in sorted(self.root.glob(pattern)):
                yield os.fsencode(path.relative_to(self.root))
                yield path.read_bytes()
        # Somebody may have installed or removed by hand: names of dist-info folders carry the versions.
        site_packages = self.folder.glob(
            "Lib/site-packages" if sys.platform == "win32" else "lib/*/site-packages"
        )
        for folder in sorted(site_packages):
            yield "\n".join(
                sorted(name for name in os.listdir(folder) if name.endswith(".dist-info"))
            ).encode()


def _this_python() -> str:
    """One word for the Python that runs this: its kind, version and place."""
    version = ".".join(map(str, sys.version_info[:2]))
    name = f"{sys.implementation.name} {version} {sys.base_prefix}"
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
