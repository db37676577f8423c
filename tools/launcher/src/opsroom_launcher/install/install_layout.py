"""The launcher's files and the built page: in a checkout, or installed from wheels."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from opsroom_launcher import env_vars
from opsroom_launcher.errors import RefusedError
from opsroom_launcher.install.frontend import built_page

_IN_A_CHECKOUT = ".opsroom"
_ONLY_IN_A_CHECKOUT = ("opsroom", "uv.lock", "tools/launcher")


@dataclass(frozen=True, slots=True)
class InstallLayout:
    """Paths that depend on how the launcher was installed."""

    folder: Path
    root: Path | None = None
    """The checkout; None: installed from wheels."""
    page: Path | None = None
    """The folder of the built page; None: there is none to serve."""

    @property
    def data(self) -> Path:
        """The embedded broker's folder, unless an option names another."""
        return self.folder / "data"

    @property
    def run_dir(self) -> Path:
        """The folder with the records of running portals."""
        return self.folder / "running"

    @property
    def command(self) -> str:
        """The name of the command, for messages that suggest one."""
        return "opsroom" if self.root is None else "./opsroom"


def checkout_layout(root: Path) -> InstallLayout:
    """Return the layout of the repository at ``root``."""
    return InstallLayout(root / _IN_A_CHECKOUT, root, built_page(root))


def find_layout(environ: Mapping[str, str], page: Path | None) -> InstallLayout:
    """Return the layout of this launcher; ``page``: the one that was installed with it.

    A checkout's own page takes precedence, because it is under development.

    Raises:
        RefusedError: the user has no home directory, and no variable names a folder.
    """
    root = environ.get(env_vars.ROOT)
    if root:
        return checkout_layout(Path(root))
    own = Path(__file__).parents[5]
    if all((own / name).exists() for name in _ONLY_IN_A_CHECKOUT):
        return checkout_layout(own)
    return InstallLayout(_data_home(environ) / "opsroom", page=page)


def _data_home(environ: Mapping[str, str]) -> Path:
    """Return the user's data folder by the XDG Base Directory Specification, which ignores relative paths."""
    named = Path(environ.get("XDG_DATA_HOME") or ".")
    if named.is_absolute():
        return named
    try:
        return Path.home() / ".local" / "share"
    except RuntimeError:
        raise RefusedError(
            "opsroom: this user has no home directory: set HOME or XDG_DATA_HOME to a folder"
        ) from None
