"""The table of metrics in the documentation lists those of each service, and no others."""

import re
from collections import defaultdict
from pathlib import Path

from tests.system.metric_families import FAMILIES, Family

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
_NAME = re.compile(r"`([a-z][a-z_]+)(?:\{[^`]*\})?`")
_SECTION = re.compile(r"^### Metrics\n(.*?)^### ", re.MULTILINE | re.DOTALL)


def documented() -> dict[str, set[str]]:
    """Return the names in the table by service."""
    section = _SECTION.search(PAGE.read_text(encoding="utf-8"))
    assert section is not None
    found: dict[str, set[str]] = defaultdict(set)
    for line in section[1].splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        names = _NAME.findall(cells[0])
        if len(cells) < 3 or not names:
            continue
        for service in FAMILIES if cells[1] == "all" else re.split(r",\s*", cells[1]):
            found[service] |= set(names)
    return found


def exposed(family: Family) -> str:
    """Return the name as Prometheus shows it."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def test_the_documentation_lists_the_metrics_of_each_service() -> None:
    assert documented() == {
        service: {exposed(family) for family in families} for service, families in FAMILIES.items()
    }
