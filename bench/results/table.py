"""Tables as plain text and as JSON data."""

from dataclasses import asdict, dataclass

from bench.results.statistics import Spread

Cell = str | int | float | Spread


@dataclass(frozen=True, slots=True)
class Table:
    """A table. Units are in the headers, which differ; the first column names what was measured."""

    title: str
    headers: tuple[str, ...]
    rows: list[tuple[Cell, ...]]

    def __post_init__(self) -> None:
        if len(set(self.headers)) < len(self.headers):  # they are the keys of the JSON data
            raise ValueError(f"two columns have the same header: {self.headers}")

    def text(self) -> str:
        """Format the table with aligned columns: the first to the left, figures to the right."""
        lines = [self.headers, *(tuple(map(_shown, row)) for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headers))]
        rule = "  ".join("-" * width for width in widths)
        aligned = [
            "  ".join(_aligned(text, i, widths[i]) for i, text in enumerate(line)).rstrip() for line in lines
        ]
        return "\n".join([self.title, "", aligned[0], rule, *aligned[1:]])

    def data(self) -> dict[str, object]:
        """Return the table for JSON: figures unrounded, a spread as an object."""
        rows = [dict(zip(self.headers, map(_plain, row), strict=True)) for row in self.rows]
        return {"title": self.title, "rows": rows}


def _aligned(text: str, column: int, width: int) -> str:
    return text.ljust(width) if column == 0 else text.rjust(width)


def _plain(cell: Cell) -> object:
    return asdict(cell) if isinstance(cell, Spread) else cell


def _shown(cell: Cell) -> str:
    if isinstance(cell, Spread):
        if cell.least == cell.most:
            return _figure(cell.median)
        return f"{_figure(cell.median)} ({_figure(cell.least)}–{_figure(cell.most)})"
    return cell if isinstance(cell, str) else _figure(cell)


def _figure(value: float) -> str:
    """Format a figure: three significant digits, whole numbers in full, thousands grouped."""
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
