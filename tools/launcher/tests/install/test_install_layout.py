"""Where the launcher keeps its files: in a checkout, or in the user's folder for data."""

from pathlib import Path

import pytest

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.install.install_layout import InstallLayout, checkout_layout, find_layout

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The launcher's own files are in a site-packages folder, not in a checkout."""
    monkeypatch.setattr(
        "opsroom_launcher.install.install_layout.__file__", str(tmp_path / "a/b/c/d/e/install_layout.py")
    )


def test_a_checkout_keeps_its_files_in_itself_and_serves_its_own_page(tmp_path: Path) -> None:
    page = tmp_path / "frontend" / "dist"
    page.mkdir(parents=True)
    (page / "index.html").touch()
    home = find_layout({"OPSROOM_ROOT": str(tmp_path)}, page=Path("/installed"))
    assert home == InstallLayout(tmp_path / ".opsroom", tmp_path, page)
    assert home.command == "./opsroom"


def test_the_launcher_of_a_checkout_finds_its_root() -> None:
    assert find_layout({}, None) == checkout_layout(REPOSITORY)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_DATA_HOME": "/data"}, "/data/opsroom"),
        ({"XDG_DATA_HOME": "relative"}, "{home}/.local/share/opsroom"),
        ({}, "{home}/.local/share/opsroom"),
    ],
)
def test_installed_it_keeps_them_with_the_users_data(
    environ: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    home = find_layout(environ, Path("/page"))
    assert home == InstallLayout(Path(folder.format(home=tmp_path)), None, Path("/page"))
    assert home.command == "opsroom"


@pytest.mark.usefixtures("installed")
def test_without_a_home_directory_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(RefusedError, match="set HOME or XDG_DATA_HOME"):
        find_layout({}, None)
