"""An index by name, in which names that count as the same are one."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from opsroom_contracts.text.similarity import name_forms

Value = TypeVar("Value", bound=Hashable)


class NameIndex(Generic[Value]):
    """Values by name. A value is found by every name that looks like one of its names."""

    def __init__(self) -> None:
        self._by_form: dict[str, dict[Value, None]] = {}

    def add(self, name: str, value: Value) -> None:
        """Add ``value`` under ``name``; it becomes the last one there."""
        for form in name_forms(name):
            values = self._by_form.setdefault(form, {})
            values.pop(value, None)
            values[value] = None

    def discard(self, name: str, value: Value) -> None:
        """Remove ``value`` from ``name``, if it is there."""
        for form in name_forms(name):
            values = self._by_form.get(form)
            if values is not None:
                values.pop(value, None)
                if not values:
                    del self._by_form[form]

    def find(self, name: str) -> tuple[Value, ...]:
        """Return the values of ``name`` and of names that look like it, the last one last."""
        found: dict[Value, None] = {}
        for form in name_forms(name):
            found |= self._by_form.get(form, {})
        return tuple(found)
