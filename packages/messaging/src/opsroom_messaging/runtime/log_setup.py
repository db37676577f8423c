"""Log lines: for people on a terminal, JSON for programs; nobody's text can forge one.

Settings: ``LOG_LEVEL``; ``LOG_FORMAT``, ``text`` or ``json``, where none is given text on a terminal and JSON
otherwise.
"""

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TextIO

from opsroom_contracts.model import rfc3339
from opsroom_contracts.text import visible
from opsroom_messaging.runtime.settings import SettingsError

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMATS = ("text", "json")

Ids = Callable[[], Mapping[str, str]]
"""What goes with each line at its moment, such as the id of the trace it belongs to."""


def no_ids() -> Mapping[str, str]:
    """Nothing."""
    return {}


class TextFormatter(logging.Formatter):
    """One line a record, and indented ones for a traceback."""

    def __init__(self, ids: Ids) -> None:
        super().__init__()
        self._ids = ids

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        ids = "".join(f" {name}={value}" for name, value in self._ids().items())
        moment = datetime.fromtimestamp(record.created).astimezone()
        time = f"{moment:%Y-%m-%d %H:%M:%S},{int(record.msecs):03}"
        line = f"{time} {record.levelname:<7} {record.name}: {visible(record.getMessage())}{ids}"
        return "\n    ".join((line, *(visible(part) for part in _traceback(record).splitlines())))


class JsonFormatter(logging.Formatter):
    """One object a line: ``time``, ``level``, ``service``, ``logger``, ``message``, ids, ``traceback``."""

    def __init__(self, service: str, ids: Ids) -> None:
        super().__init__()
        self._service = service
        self._ids = ids

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **self._ids(),
        }
        if shown := _traceback(record):
            fields["traceback"] = shown
        return json.dumps(fields)  # ASCII: separators that some take for line ends are escaped too


def _traceback(record: logging.LogRecord) -> str:
    return "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""


def configure(service: str, environ: Mapping[str, str], stream: TextIO, ids: Ids = no_ids) -> None:
    """Have everything logged on ``stream``.

    Raises:
        SettingsError: no such level or format.
    """
    level = _choice(environ, "LOG_LEVEL", LEVELS, "INFO", str.upper)
    usual = "text" if stream.isatty() else "json"
    chosen = _choice(environ, "LOG_FORMAT", FORMATS, usual, str.lower)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter(ids) if chosen == "text" else JsonFormatter(service, ids))
    root = logging.getLogger()
    root.setLevel(level)
    root.addHandler(handler)


def _choice(
    environ: Mapping[str, str], name: str, known: tuple[str, ...], usual: str, fold: Callable[[str], str]
) -> str:
    given = environ.get(name) or usual
    if fold(given) not in known:
        raise SettingsError(f"{name}={given!r}: must be one of {', '.join(known)}")
    return fold(given)
