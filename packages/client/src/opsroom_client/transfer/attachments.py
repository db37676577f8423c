"""Where an export of Mattermost or Slack has the contents of files. Nothing outside of it is ever opened."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from opsroom_client.transfer.contents import Opener
from opsroom_client.transfer.reading import Archive

_FOLDER: Final = "data"
_UPLOADS: Final = "__uploads"


class Attachments:
    """The attachments of an export of Mattermost: files in ``data``, under the paths that posts have."""

    def __init__(self, archive: Archive | None, names: frozenset[str], folder: Path | None) -> None:
        self._archive = archive
        self._names = names
        self._folder = folder

    @classmethod
    def of(cls, archive: Archive) -> "Attachments":
        """Return those in an archive."""
        return cls(archive, frozenset(archive.names()), None)

    @classmethod
    def beside(cls, file: Path) -> "Attachments":
        """Return those in the folder beside a file."""
        return cls(None, frozenset(), (file.parent / _FOLDER).resolve())

    def find(self, path: str) -> Opener | None:
        """Return what opens an attachment; None: the export does not have it."""
        if "\\" in path or "\0" in path:
            return None
        name = str(PurePosixPath(path))
        if self._archive is not None:
            found = next((one for one in (f"{_FOLDER}/{name}", name) if one in self._names), None)
            return None if found is None else partial(self._archive.open, found)
        if self._folder is None:
            return None
        inside = name.removeprefix(f"{_FOLDER}/")
        target = (self._folder / inside).resolve()
        if not target.is_relative_to(self._folder) or not target.is_file():
            return None
        return lambda: target.open("rb")


def uploads(names: Iterable[str], root: str) -> dict[str, str]:
    """Return the files in ``__uploads`` of an export of Slack, by the ids of their folders.

    Slack does not put files there. Programs that complete an export with them do.
    """
    found: dict[str, str] = {}
    for name in names:
        folder, _, rest = name.removeprefix(root).partition("/")
        file_id, slash, _ = rest.partition("/")
        if folder == _UPLOADS and slash:
            found[file_id] = name
    return found
