"""Files with templates: TOML, checked when the agent starts, with errors that name the line and field."""

import re
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from opsroom_contracts.serialization.codec import first_fault
from opsroom_runtime.errors import SettingsError

_MAX_BYTES = 1_000_000
_TABLE = re.compile(r"\s*\[\[?(?P<path>[^\[\]]+)\]\]?\s*(#.*)?")
_KEY = re.compile(r"""\s*(?P<path>[A-Za-z0-9_."'\s-]+?)\s*=""")
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(?:\.|$)""")

FieldPath = tuple[str, ...]


class TemplateModel(BaseModel):
    """Base class of what a template file consists of: closed and immutable, with snake_case keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


FileT = TypeVar("FileT", bound=TemplateModel)


class TemplateFileError(SettingsError):
    """A template file can't be used. The message names the file, the line and the field, in one line."""


class TemplateFile:
    """The text of a template file, to read a model from it and to report where something is wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise self._error(f"is larger than {_MAX_BYTES} bytes")
            self._text = path.read_bytes().decode()
        except OSError as error:
            raise self._error(error.strerror or str(error)) from None
        except UnicodeDecodeError:
            raise self._error("is not UTF-8 text") from None

    def read(self, model: type[FileT]) -> FileT:
        """Return the file's content.

        Raises:
            TemplateFileError: it is not TOML, or does not fit ``model``.
        """
        try:
            return model.model_validate(tomllib.loads(self._text))
        except tomllib.TOMLDecodeError as error:
            raise self._error(str(error)) from None
        except ValidationError as error:
            fault = first_fault(error)
            path = tuple(str(part) for part in error.errors(include_url=False)[0]["loc"])
            raise self.invalid(path, fault.reason) from None

    def invalid(self, field: FieldPath, reason: str) -> TemplateFileError:
        """Return the error for a field; its line is that of the nearest table that the file names."""
        line = line_of(self._text, field)
        where = "" if line is None else f"line {line}: "
        return self._error(f"{where}{'.'.join(field)}: {reason}" if field else f"{where}{reason}")

    def _error(self, reason: str) -> TemplateFileError:
        return TemplateFileError(f"AGENT_TEMPLATES={str(self._path)!r}: {reason}")


def line_of(text: str, field: FieldPath) -> int | None:
    """Return the line, from 1, on which a TOML text defines ``field``, or else what contains it."""
    best: tuple[int, int] | None = None
    table: FieldPath = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.fullmatch(line):
            table = defined = _parts(header["path"])
        elif key := _KEY.match(line):
            defined = (*table, *_parts(key["path"]))
        else:
            continue
        if field[: len(defined)] == defined and (best is None or len(defined) > best[0]):
            best = (len(defined), number)
    return None if best is None else best[1]


def _parts(path: str) -> FieldPath:
    return tuple(next(filter(None, match.groups()), "") for match in _PART.finditer(path.strip()))
