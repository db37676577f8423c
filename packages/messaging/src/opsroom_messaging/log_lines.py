"""Log lines that nobody can forge: what people typed may be in them, and must not look like more lines."""

import logging

from opsroom_contracts.text import visible


class OneLineFormatter(logging.Formatter):
    """As its base, with the message in one line; a traceback behind it keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """The line without its traceback."""
        return visible(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - the library's name
        """The traceback; each of its lines indented, so that none looks like one of the log."""
        text = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join("  " + visible(line) for line in text.splitlines())
