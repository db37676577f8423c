"""The table of cases that the tests of the page read, too: both sides must treat a text alike."""

import json
from pathlib import Path
from typing import Any

_TABLE: dict[str, list[Any]] = json.loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))


def cases(name: str) -> list[Any]:
    """Return the rows of one kind."""
    return _TABLE[name]
