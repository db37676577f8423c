"""Every package names the license of the repository."""

import json
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECTS = sorted(
    path
    for pattern in ("pyproject.toml", "*/*/pyproject.toml")
    for path in ROOT.glob(pattern)
    if not path.relative_to(ROOT).parts[0].startswith(".")
)


def test_the_license_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="ascii")
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_python_package_names_it(path: Path) -> None:
    assert tomllib.loads(path.read_text(encoding="utf-8"))["project"]["license"] == "Apache-2.0"


def test_the_page_names_it() -> None:
    package = json.loads((ROOT / "frontend" / "package.json").read_text(encoding="utf-8"))
    assert package["license"] == "Apache-2.0"
