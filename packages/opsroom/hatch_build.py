"""Adds the built page to the source distribution and to the wheel. Without a page the build fails."""

import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_IN_SDIST = "page"
_IN_WHEEL = "opsroom/page"
_EDITABLE = "editable"
"""A checkout serves ``frontend/dist``, so an editable installation has no use for a copy."""


class PageHook(BuildHookInterface):  # type: ignore[type-arg]  # its parameter is of no use to a build hook
    """Hatchling's custom build hook."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the page to ``build_data``.

        Raises:
            FileNotFoundError: the page is not built, or a file that it loads is missing.
        """
        if version == _EDITABLE:
            return
        page = complete_page(Path(self.root))
        target = _IN_SDIST if self.target_name == "sdist" else _IN_WHEEL
        build_data["force_include"][str(page)] = target


def complete_page(package: Path) -> Path:
    """Return the folder of the built page: the one in a source distribution, else the checkout's.

    Raises:
        FileNotFoundError: the page is not built, or a file that it loads is missing.
    """
    unpacked = package / _IN_SDIST
    page = unpacked if unpacked.is_dir() else package.parents[1] / "frontend" / "dist"
    index = page / "index.html"
    if not index.is_file():
        raise FileNotFoundError(
            f"opsroom: the page is not built ({index} is missing): run `npm ci && npm run build` in frontend/"
        )
    loaded = re.findall(r"""(?:src|href)=["']?([\w./-]+\.(?:js|css))\b""", index.read_text(encoding="utf-8"))
    missing = [name for name in loaded if not (page / name).is_file()]
    if not loaded or missing:
        what = f"lacks {', '.join(missing)}" if missing else f"loads no script ({index})"
        raise FileNotFoundError(f"opsroom: the built page {what}: run `npm ci && npm run build` in frontend/")
    return page
