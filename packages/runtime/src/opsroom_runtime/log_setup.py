"""Logging configuration: text on a terminal, JSON for programs; control characters are escaped.

Settings: ``LOG_LEVEL``; ``LOG_FORMAT``, ``text`` or ``json``. The default format is text on a terminal and
JSON otherwise.
"""

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TextIO

from opsroom_contracts.serialization.model import rfc3339
from opsroom_contracts.text import visible
from opsroom_runtime.errors import SettingsError

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMATS = ("text", "json")

ContextFields = Callable[[], Mapping[str, str]]
"""Returns fields for the current log line, such as the trace id."""


def no_fields() -> Mapping[str, str]:
    """No fields."""
    return {}


class TextFormatter(logging.Formatter):
    """One line per record, followed by indented lines for a traceback."""

    def __init__(self, context_fields: ContextFields) -> None:
        super().__init__()
        self._context_fields = context_fields

    def format(self, record: logging.LogRecord) -> str:
        """Format ``record`` as text."""
        fields = "".join(f" {name}={value}" for name, value in self._context_fields().items())
        local_time = datetime.fromtimestamp(record.created).astimezone()
        time = f"{local_time:%Y-%m-%d %H:%M:%S},{int(record.msecs):03}"
        line = f"{time} {record.levelname:<7} {record.name}: {visible(record.getMessage())}{fields}"
        return "\n    ".join((line, *(visible(part) for part in _traceback(record).splitlines())))


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, service, logger, message, context fields, traceback."""

    def __init__(self, service: str, context_fields: ContextFields) -> None:
        super().__init__()
        self._service = service
        self._context_fields = context_fields

    def format(self, record: logging.LogRecord) -> str:
        """Format ``record`` as JSON."""
        fields = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **self._context_fields(),
        }
        if text := _traceback(record):
            fields["traceback"] = text
        return json.dumps(fields)  # ASCII only, so that Unicode line separators are escaped too


_CHATTY = ("httpx",)
"""Loggers of libraries that write a line for each request at ``INFO``."""


def _traceback(record: logging.LogRecord) -> str:
    return "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""


def configure(
    service: str, environ: Mapping[str, str], stream: TextIO, context_fields: ContextFields = no_fields
) -> None:
    """Log to ``stream``, with the level and format that ``environ`` sets.

    Raises:
        SettingsError: an unknown level or format.
    """
    level = _choice(environ, "LOG_LEVEL", LEVELS, "INFO", str.upper)
    default = "text" if stream.isatty() else "json"
    chosen = _choice(environ, "LOG_FORMAT", FORMATS, default, str.lower)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        TextFormatter(context_fields) if chosen == "text" else JsonFormatter(service, context_fields)
    )
    root = logging.getLogger()
    root.setLevel(level)
    root.addHandler(handler)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(level if level == "DEBUG" else "WARNING")


def _choice(
    environ: Mapping[str, str],
    name: str,
    allowed: tuple[str, ...],
    default: str,
    normalize: Callable[[str], str],
) -> str:
    value = environ.get(name) or default
    if normalize(value) not in allowed:
        raise SettingsError(f"{name}={value!r}: must be one of {', '.join(allowed)}")
    return normalize(value)
