"""Plain text tables, and the statistics that go into them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """One table: units stand in the headers."""

    title: str
    headers: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def text(self) -> str:
        """The table, columns aligned: the first to the left, figures to the right."""
        lines = [self.headers, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headers))]
        rule = "  ".join("-" * width for width in widths)
        shown = [
            "  ".join(_cell(cell, i, widths[i]) for i, cell in enumerate(line)).rstrip() for line in lines
        ]
        return "\n".join([self.title, "", shown[0], rule, *shown[1:]])

    def data(self) -> dict[str, object]:
        """The table for JSON."""
        return {"title": self.title, "rows": [dict(zip(self.headers, row, strict=True)) for row in self.rows]}


def _cell(text: str, column: int, width: int) -> str:
    return text.ljust(width) if column == 0 else text.rjust(width)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of ``values`` lie; NaN for none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def figure(value: float) -> str:
    """Three significant digits, thousands grouped."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
