"""The built documentation: restricted to its own files, and put next to the page, so that it is at `docs/`.

As a program, `docs_site.py SITE [PAGE]`, for images: only the standard library is used.
"""

import hashlib
import re
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

SITE = Path(".opsroom", "site")
"""Where zensical.toml puts it."""
IN_PAGE = "docs"
_SCRIPTS = Path("assets", "javascripts")
_SOURCES = ("docs", "zensical.toml")
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="'
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " object-src 'none'; base-uri 'none'; form-action 'none'\">"
)
"""The search of the documentation adds its own styles."""
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_STYLE = re.compile(r"<style\b|\sstyle=", re.IGNORECASE)
_LOADED = re.compile(
    r"<(?:script|img|iframe|source|link)\b[^>]*?\s(?:src|href)=[\"']?((?:https?:)?//[^\"' >]+)"
)
_CANONICAL = re.compile(r"<link\b[^>]*\brel=[\"']?canonical\b")


class SiteError(Exception):
    """The documentation must not be served as it was built."""


def build_command(python: Path) -> tuple[str, ...]:
    """Return the command that builds the documentation, to be run in the root of the repository."""
    return (str(python), "-m", "zensical", "build", "--clean", "--strict")


def is_current(root: Path, page: Path) -> bool:
    """Whether the page has the documentation, and none of its sources is newer."""
    try:
        built = (page / IN_PAGE / _SCRIPTS).stat().st_mtime
    except FileNotFoundError:  # not there, or only the placeholder of the page
        return False
    sources = (file for name in _SOURCES for file in (root / name, *(root / name).rglob("*")))
    return all(source.stat().st_mtime <= built for source in sources if source.is_file())


def finish(site: Path) -> None:
    """Give each page a policy that allows the site's own files alone, and move inline scripts into files.

    Gateways send such a policy, too, but static hosts send none.

    Raises:
        SiteError: a page loads something from another host, or has inline styles, which the policy forbids.
    """
    for file in sorted(site.rglob("*.html")):
        text = file.read_text(encoding="utf-8")
        foreign = [match[1] for match in _LOADED.finditer(text) if not _CANONICAL.match(match[0])]
        if foreign:
            raise SiteError(f"{file} loads {foreign[0]}")
        if _STYLE.search(_INLINE.sub("", text)):
            raise SiteError(f"{file} has inline styles")
        base = "../" * (len(file.relative_to(site).parts) - 1)
        if file.name == "404.html":
            base = "/"
        text = _INLINE.sub(partial(_external, site, base), text)
        if _POLICY not in text:
            text = text.replace("<head>", f"<head>{_POLICY}", 1)
        file.write_text(text, encoding="utf-8")


def _external(site: Path, base: str, inline: re.Match[str]) -> str:
    """Store an inline script as a file, and return the element that loads it."""
    code = inline[1]
    digest = hashlib.sha256(code.encode()).hexdigest()[:10]
    script = _SCRIPTS / f"inline.{digest}.js"
    (site / script).write_text(code, encoding="utf-8")
    return f'<script src="{base}{script.as_posix()}"></script>'


def install(site: Path, page: Path) -> None:
    """Replace the documentation of ``page``, or its placeholder, by ``site``."""
    target, fresh = page / IN_PAGE, page / f"{IN_PAGE}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(site, fresh, copy_function=shutil.copyfile)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def main(arguments: Sequence[str]) -> int:
    """Finish the built site; with a second argument, install it into that page. Returns the exit code."""
    site, *pages = map(Path, arguments)
    try:
        finish(site)
        for page in pages:
            install(site, page)
    except (SiteError, OSError) as error:
        print(f"opsroom: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
