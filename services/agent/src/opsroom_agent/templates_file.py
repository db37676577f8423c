"""Files with templates: TOML, checked when the agent starts, with errors that name the line and field."""

import json
import re
import tomllib
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from opsroom_contracts.serialization.codec import first_fault
from opsroom_contracts.text import clip, visible
from opsroom_runtime.errors import SettingsError

_MAX_BYTES = 1_000_000
_REASON_MAX = 500
"""A reason may quote the file; longer ones are clipped."""
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_LONG_NUMBER: Final = re.compile(r"[0-9_]{4301,}")
"""More digits than Python converts."""
_BRACKET: Final = re.compile(r"[\[{]")

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
            with path.open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
            if len(data) > _MAX_BYTES:
                raise self._error(f"is larger than {_MAX_BYTES} bytes")
            self._text = data.decode()
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
            return model.model_validate(self._parse())
        except ValidationError as error:
            fault = first_fault(error)
            path = tuple(str(part) for part in error.errors(include_url=False)[0]["loc"])
            raise self.invalid(path, fault.reason) from None

    def invalid(self, field: FieldPath, reason: str) -> TemplateFileError:
        """Return the error for a field; its line is that of the nearest table that the file names."""
        line = line_of(self._text, field)
        where = "" if line is None else f"line {line}: "
        shown = ".".join(part if _PLAIN_KEY.fullmatch(part) else json.dumps(part) for part in field)
        return self._error(f"{where}{shown}: {reason}" if field else f"{where}{reason}")

    def _parse(self) -> dict[str, object]:
        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            raise self._error(str(error)) from None
        except RecursionError:
            lines = self._text.splitlines()
            deepest = max(range(len(lines)), key=lambda at: len(_BRACKET.findall(lines[at])))
            raise self._error(f"line {deepest + 1}: is nested too deeply") from None
        except ValueError:  # the only other one that the parser lets through
            found = _LONG_NUMBER.search(self._text)
            line = self._text.count("\n", 0, found.start() if found else 0) + 1
            raise self._error(f"line {line}: has a number with too many digits") from None

    def _error(self, reason: str) -> TemplateFileError:
        shown = clip(visible(reason), _REASON_MAX)
        return TemplateFileError(f"AGENT_TEMPLATES={str(self._path)!r}: {shown}")


def line_of(text: str, field: FieldPath) -> int | None:
    """Return the line, from 1, on which a TOML text defines ``field``, or else what contains it."""
    best: tuple[int, int] | None = None
    table: FieldPath = ()
    for number, line in enumerate(text.splitlines(), start=1):
        key, equals, _ = line.partition("=")
        if line.lstrip().startswith("["):
            defined = table = _path_in(line) or table
        elif equals and (path := _path_in(f"{key}= 0")):
            defined = (*table, *path)
        else:
            continue
        if field[: len(defined)] == defined and (best is None or len(defined) > best[0]):
            best = (len(defined), number)
    return None if best is None else best[1]


def _path_in(line: str) -> FieldPath:
    """Return the path of the table or of the key that a line defines; empty if it defines none."""
    try:
        found: object = tomllib.loads(line)
    except (ValueError, RecursionError):
        return ()
    path: list[str] = []
    while isinstance(found, dict) and found:
        ((key, found),) = found.items()
        path.append(key)
        found = found[0] if isinstance(found, list) and found else found
    return tuple(path)
