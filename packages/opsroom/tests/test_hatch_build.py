"""The wheel never goes out without a whole page."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
INDEX = '<link href="main.abc.css"><script defer src="main.abc.js"></script>'


@pytest.fixture
def complete_page() -> Callable[[Path], Path]:
    spec = importlib.util.spec_from_file_location("hatch_build", PACKAGE / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[Path], Path] = module.complete_page
    return found


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package in a checkout whose page is built."""
    page = tmp_path / "frontend" / "dist"
    page.mkdir(parents=True)
    (page / "index.html").write_text(INDEX)
    for name in ("main.abc.js", "main.abc.css"):
        (page / name).touch()
    package = tmp_path / "packages" / "opsroom"
    package.mkdir(parents=True)
    return package


def test_the_page_of_the_checkout_is_taken(complete_page: Callable[[Path], Path], package: Path) -> None:
    assert complete_page(package) == package.parents[1] / "frontend" / "dist"


def test_the_page_of_a_source_distribution_is_taken(
    complete_page: Callable[[Path], Path], package: Path
) -> None:
    (package.parents[1] / "frontend" / "dist").rename(package / "page")
    assert complete_page(package) == package / "page"


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("index.html", r"the page is not built \(.*index\.html is missing\): run `npm ci"),
        ("main.abc.js", r"the built page lacks main\.abc\.js"),
        ("main.abc.css", r"the built page lacks main\.abc\.css"),
    ],
)
def test_without_a_whole_page_the_build_fails(
    complete_page: Callable[[Path], Path], package: Path, missing: str, message: str
) -> None:
    (package.parents[1] / "frontend" / "dist" / missing).unlink()
    with pytest.raises(FileNotFoundError, match=message):
        complete_page(package)


def test_a_page_that_loads_no_script_is_refused(complete_page: Callable[[Path], Path], package: Path) -> None:
    (package.parents[1] / "frontend" / "dist" / "index.html").write_text("<p>soon</p>")
    with pytest.raises(FileNotFoundError, match="loads no script"):
        complete_page(package)
