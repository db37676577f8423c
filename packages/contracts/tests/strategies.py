"""Hypothesis strategies for all models, derived from the models."""

import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from hypothesis import strategies as st
from pydantic import AfterValidator
from pydantic.fields import FieldInfo

from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.models import OUTSIDE, InstanceEvent, InstanceEventV3
from opsroom_contracts.cloud.schedules import ScheduleRequest
from opsroom_contracts.incidents.bot_commands import BotAnswer
from opsroom_contracts.incidents.cards import CardAction
from opsroom_contracts.incidents.on_call import Override
from opsroom_contracts.serialization.model import Model
from opsroom_contracts.text import is_blank

_SMALL = 4
_SIMPLE: dict[type, st.SearchStrategy[Any]] = {
    type(None): st.none(),
    bool: st.booleans(),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.just(UTC)),
}


def values_of(model: type[Model]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for the arguments of ``model``, with or without optional fields."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in model.model_fields.items():
        group = required if field.is_required() else optional
        group[name] = _values(field.annotation, (field,))
    found = st.fixed_dictionaries(required, optional=optional)
    completed = _COMPLETED.get(model)
    return found if completed is None else found.map(completed)


def _with_one_effect(values: dict[str, Any]) -> dict[str, Any]:
    """Leave a button one effect of two."""
    if values.get("command") is not None:
        return {**values, "url": None}
    return {**values, "url": values.get("url") or "https://example.com/"}


def _with_one_answer(values: dict[str, Any]) -> dict[str, Any]:
    """Leave a bot a text or a card."""
    if values.get("card") is not None:
        return {**values, "text": None}
    return {**values, "text": values.get("text") or "done", "card": None}


def _in_order(values: dict[str, Any]) -> dict[str, Any]:
    """Let the duty of an override end after it begins."""
    start, end = sorted((values["start"], values["end"]))
    if end - start < timedelta(seconds=1):
        start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    return {**values, "start": start, "end": end}


def _with_choices(values: dict[str, Any]) -> dict[str, Any]:
    """Leave a schedule one choice of servers, and one of times."""
    servers = {"ids": values.get("ids") or ("i-1",), "selector": None}
    times = {"at": values.get("at") or datetime(2026, 1, 1, tzinfo=UTC), "cron": None, "zone": None}
    if values.get("selector"):
        servers = {"ids": None, "selector": values["selector"]}
    if values.get("cron"):
        times = {"at": None, "cron": values["cron"], "zone": values.get("zone")}
    return values | servers | times


def _with_operation(values: dict[str, Any]) -> dict[str, Any]:
    """Add to the values of an event what only those from outside may lack."""
    if values["type"] in OUTSIDE:
        return values
    return {
        **values,
        "operation_id": values.get("operation_id") or "o",
        "command": values.get("command") or Command.CREATE,
    }


_COMPLETED: dict[type[Model], Callable[[dict[str, Any]], dict[str, Any]]] = {
    InstanceEvent: _with_operation,
    InstanceEventV3: _with_operation,
    ScheduleRequest: _with_choices,
    CardAction: _with_one_effect,
    BotAnswer: _with_one_answer,
    Override: _in_order,
}
"""What makes the values of a model valid whose fields depend on each other."""


@cache
def models(model: type[Model]) -> st.SearchStrategy[Model]:
    """Return a strategy for instances of ``model``. Cached: building it is slower than drawing from it."""
    return st.deferred(lambda: values_of(model).map(lambda values: model(**values)))


def _values(annotation: Any, metadata: Iterable[Any] = ()) -> st.SearchStrategy[Any]:
    rules = list(_flat(metadata))
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _values(arguments[0], [*arguments[1:], *rules])
    if origin in {Union, types.UnionType}:
        return st.one_of([_values(argument, rules) for argument in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        shortest = _bound(rules, MinLen, "min_length", 0)
        longest = min(_bound(rules, MaxLen, "max_length", _SMALL), _SMALL)
        return st.lists(_values(arguments[0]), min_size=shortest, max_size=longest).map(tuple)
    if origin is dict:
        shortest = _bound(rules, MinLen, "min_length", 0)
        return st.dictionaries(
            _values(arguments[0]), _values(arguments[1]), min_size=shortest, max_size=_SMALL
        )
    return _plain(annotation, rules)


def _plain(kind: type, rules: list[Any]) -> st.SearchStrategy[Any]:
    if issubclass(kind, Model):
        return models(kind)
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if kind is int:
        return st.integers(_bound(rules, Ge, "ge", -(2**53)), _bound(rules, Le, "le", 2**53))
    if kind is float:
        lowest = _bound(rules, Ge, "ge", 0)
        return st.floats(min_value=lowest, max_value=1e6, allow_nan=False, allow_infinity=False)
    if kind is str:
        return _text(rules)
    raise AssertionError(f"no strategy for {kind}: add one")


def _text(rules: list[Any]) -> st.SearchStrategy[str]:
    shortest, longest = _bound(rules, MinLen, "min_length", 0), _bound(rules, MaxLen, "max_length", 100)
    patterns = [rule.pattern for rule in rules if getattr(rule, "pattern", None) is not None]
    if patterns:
        alphabet = st.characters(codec="ascii" if patterns[0].isascii() else "utf-8")
        found = st.from_regex(patterns[0].rstrip("$"), fullmatch=True, alphabet=alphabet)
        return found.filter(lambda text: shortest <= len(text) <= longest)  # the pattern may have no bound
    checked = any(isinstance(rule, AfterValidator) for rule in rules)
    anything = st.characters(codec="utf-8")
    plain = st.characters(codec="utf-8", exclude_categories=["C", "Z"]).filter(
        lambda char: not is_blank(char)
    )
    typed = plain if checked else anything
    ordinary = st.text(typed, min_size=shortest, max_size=min(longest, 20))
    return ordinary | st.sampled_from(["x" * shortest, "\N{PILE OF POO}" * min(longest, 4000)])


@dataclass(frozen=True)
class _Pattern:
    """A pattern that is declared in the schema only, because a validator gives a better message."""

    pattern: str


def _flat(metadata: Iterable[Any]) -> Iterable[Any]:
    for rule in metadata:
        yield from rule.metadata if isinstance(rule, FieldInfo) else (rule,)
        extra = rule.json_schema_extra if isinstance(rule, FieldInfo) else None
        if isinstance(extra, dict) and "pattern" in extra:
            yield _Pattern(str(extra["pattern"]))


def _bound(rules: list[Any], kind: type, name: str, otherwise: int) -> int:
    """Return the strictest bound of ``kind``: a rule may be narrower than the type that it is for."""
    found = [int(getattr(rule, name)) for rule in rules if isinstance(rule, kind)]
    strictest = min if name in {"le", "max_length"} else max
    return strictest(found, default=otherwise)
