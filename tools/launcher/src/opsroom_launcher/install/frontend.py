"""The steps that build and test the frontend. `bootstrap` puts Node on PATH for them."""

import json
from pathlib import Path

FOLDER = "frontend"
_PACKAGE = "package.json"
_PAGE = Path(FOLDER, "dist")
_SOURCES = ("src", "webpack")
_MADE_WITH = ("package-lock.json", "webpack.config.mjs", "tsconfig.json")
NO_BROWSER = 77
"""The exit code of the browser tests if there is no browser. In CI they fail instead."""
INSTALL_STEP = "npm-ci"
_TESTS = {"npm-test": "test", "e2e": "e2e", "e2e-firefox": "e2e:firefox"}
"""Step names, and the npm scripts that they run."""
_INSTALL = ("npm", "ci", "--no-audit", "--no-fund")


def exists(root: Path) -> bool:
    """Whether the repository at ``root`` has a frontend to install and test."""
    return (root / FOLDER / _PACKAGE).is_file()


def built_page(root: Path) -> Path | None:
    """Return the folder of the built page, if there is one for the gateway to serve."""
    folder = root / _PAGE
    return folder if (folder / "index.html").is_file() else None


def page_is_current(root: Path) -> bool:
    """Whether the page is built and none of its sources is newer."""
    page = root / _PAGE / "index.html"
    try:
        built = page.stat().st_mtime
    except FileNotFoundError:
        return False
    folder = root / FOLDER
    sources = [path for name in _SOURCES for path in (folder / name).rglob("*")]
    sources += [folder / name for name in _MADE_WITH]
    return all(source.stat().st_mtime <= built for source in sources if source.is_file())


def build_steps(root: Path) -> list[tuple[str, ...]]:
    """Return the commands that build the page, to be run in `FOLDER`."""
    install = [] if _is_installed(root / FOLDER) else [_INSTALL]
    return [*install, ("npm", "run", "build")]


def test_steps(root: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Return the name and the command of each test step, to be run in `FOLDER`."""
    if not exists(root):
        return []
    folder = root / FOLDER
    steps: list[tuple[str, tuple[str, ...]]] = []
    if not _is_installed(folder):
        steps.append((INSTALL_STEP, _INSTALL))
    scripts = json.loads((folder / _PACKAGE).read_text(encoding="utf-8")).get("scripts", {})
    steps += [(name, ("npm", "run", script)) for name, script in _TESTS.items() if script in scripts]
    return steps


def repeated_tests() -> dict[str, tuple[str, ...]]:
    """Return the commands that run only what failed again, one test at a time, by the names of the steps."""
    return {name: ("npm", "run", _TESTS[name], "--", "--last-failed", "--workers=1") for name in ("e2e",)}


def _is_installed(folder: Path) -> bool:
    """Whether node_modules is as new as the lock file. npm writes a copy of it there at the end."""
    try:
        installed = (folder / "node_modules" / ".package-lock.json").stat().st_mtime
        return installed >= (folder / "package-lock.json").stat().st_mtime
    except FileNotFoundError:
        return False
