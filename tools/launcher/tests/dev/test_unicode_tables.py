"""The tables of look-alikes are those of ICU."""

from pathlib import Path

from opsroom_launcher.dev.unicode_tables import FILE, tables

_ROOT = Path(__file__).parents[4]


def test_the_tables_are_generated_from_the_installed_icu() -> None:
    stored = (_ROOT / FILE).read_text(encoding="ascii")
    assert stored == tables(), "run .venv/bin/python -m opsroom_launcher.dev.unicode_tables"
