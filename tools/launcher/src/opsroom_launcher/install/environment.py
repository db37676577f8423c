"""The repository's virtual environment, and the stamp that shows whether it is up to date."""

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
    """A virtual environment and the repository that it is made from."""

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
        """Whether nothing has to be installed. ``development``: including the tools of test and check.

        An environment with the tools serves a plain run as well, so `up` after `test` installs nothing.
        It is not rebuilt for a plain run that another Python started, because a portal may be running in it.
        Tests run in the Python that started them.
        """
        try:
            kind, python, digest = self._stamp.read_text(encoding="ascii").split()
        except (OSError, ValueError):
            return False
        if development and (kind, python) != (_DEVELOPMENT, _this_python()):
            return False
        return self.python.exists() and digest == self._digest()

    def mark(self, *, development: bool) -> None:
        """Record that it has just been installed."""
        kind = _DEVELOPMENT if development else _RUNTIME
        self._stamp.write_text(f"{kind} {_this_python()} {self._digest()}\n", encoding="ascii")

    @property
    def _stamp(self) -> Path:
        return self.folder / _STAMP  # inside the environment, so that it is deleted with it

    def _digest(self) -> str:
        """Hash everything that determines the environment, and the names of the installed distributions."""
        digest = hashlib.sha256()
        for part in self._parts():
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()

    def _parts(self) -> Iterator[bytes]:
        # The workspace's packages are installed as links, so the path counts: a moved environment must be
        # rebuilt.
        yield os.fsencode(self.root)
        for pattern in ("uv.lock", "pyproject.toml", *_WORKSPACE_MEMBERS):
            for path in sorted(self.root.glob(pattern)):
                yield os.fsencode(path.relative_to(self.root))
                yield path.read_bytes()
        # Detects manual installs and removals: the names of dist-info folders contain the versions.
        site_packages = self.folder.glob(
            "Lib/site-packages" if sys.platform == "win32" else "lib/*/site-packages"
        )
        for folder in sorted(site_packages):
            yield "\n".join(
                sorted(name for name in os.listdir(folder) if name.endswith(".dist-info"))
            ).encode()


def _this_python() -> str:
    """Identify the running Python: a hash of its implementation, version and prefix."""
    version = ".".join(map(str, sys.version_info[:2]))
    name = f"{sys.implementation.name} {version} {sys.base_prefix}"
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
