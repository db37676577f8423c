"""The built page: files of a folder, with the headers that let browsers keep them and no stale ones."""

import os
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.routing import Match, Mount
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

_HASHED = re.compile(r"\.[0-9a-f]{10}\.[a-z0-9.]+$")
"""The build puts a hash of the content into all names except the page's own, see ``webpack.config.mjs``."""
_FOREVER: Final = "public, max-age=31536000, immutable"
_REVALIDATE: Final = "no-cache"
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
"""Encodings of files that the build has compressed, the best first, and their suffixes."""
_DIGESTS_MAX = 256
_METHODS = frozenset({"GET", "HEAD"})

_Version = tuple[str, int, int, int]
"""A path, and what changes with the content of its file: inode, size and time."""


class PageFiles(StaticFiles):
    """The files of the page.

    Files with a hash in their names never change. Everything else is revalidated each time, so that a new
    version of the page is used at once. ``ETag`` comes from the content: size and time may be the same for
    two versions, because packages have normalized times.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)
        self._digests: dict[_Version, str] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file.

        Raises:
            HTTPException: 404, or 405 for a method that does not read.
        """
        if scope["method"] not in _METHODS:
            await super().get_response(path, {**scope, "method": "GET"})
            raise HTTPException(405)
        return await super().get_response(path, scope)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file, its compressed form if the client accepts one, or 304."""
        headers = Headers(scope=scope)
        path, found, encoding = _best_form(str(full_path), stat_result, headers.get("accept-encoding", ""))
        cache = _FOREVER if status_code == 200 and _HASHED.search(str(full_path)) else _REVALIDATE
        own = {"ETag": self._etag(path, found), "Cache-Control": cache, "Vary": "Accept-Encoding"}
        if encoding is not None:
            own["Content-Encoding"] = encoding
        named = FileResponse(full_path)  # its media type comes from the name without the suffix
        response = FileResponse(path, status_code, own, named.media_type, stat_result=found)
        del response.headers["Last-Modified"]
        if status_code == 200 and self.is_not_modified(response.headers, headers):
            not_modified = NotModifiedResponse(response.headers)
            not_modified.headers.update({"Vary": own["Vary"]})
            return not_modified
        return response

    def _etag(self, path: str, found: os.stat_result) -> str:
        version = (path, found.st_ino, found.st_size, found.st_mtime_ns)
        digest = self._digests.get(version)
        if digest is None:
            if len(self._digests) >= _DIGESTS_MAX:
                self._digests.clear()
            digest = self._digests[version] = sha256(Path(path).read_bytes()).hexdigest()[:32]
        return f'"{digest}"'


class PageMount(Mount):
    """Serves the page at all paths that ``is_taken`` does not claim for a route of an API."""

    def __init__(self, folder: Path, is_taken: Callable[[Scope], bool]) -> None:
        super().__init__("/", PageFiles(folder))
        self._is_taken = is_taken

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match all other paths; fully only for methods that read."""
        match, child_scope = super().matches(scope)
        if match is Match.NONE or self._is_taken(scope):
            return Match.NONE, {}
        return (match if scope["method"] in _METHODS else Match.PARTIAL), child_scope


def _best_form(path: str, found: os.stat_result, accepted: str) -> tuple[str, os.stat_result, str | None]:
    """Return the path, the status and the encoding of the smallest form that the client accepts."""
    for encoding, suffix in _ENCODINGS:
        if _accepts(accepted, encoding):
            try:
                return path + suffix, os.stat(path + suffix), encoding
            except FileNotFoundError:
                continue
    return path, found, None


def _accepts(accepted: str, encoding: str) -> bool:
    """Return whether ``Accept-Encoding`` names ``encoding``, and not with a weight of 0."""
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        if name.strip() == encoding:
            return re.fullmatch(r"q=0(\.0*)?", parameter.strip()) is None
    return False
