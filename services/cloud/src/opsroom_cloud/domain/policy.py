"""Which commands must be approved, and who may approve them: the lines of a policy.

::

    rm,stop  label:env=prod  need=1  role=operator  not=author  expires=15m
    *        label:env=prod,tier=db  need=2  role=admin  expires=1h   # a comment

A line names commands, then conditions in any order; each condition is there at most once. All lines that
match a command count together: the highest ``need``, the highest ``role`` and the shortest ``expires``. So
the order of the lines means nothing, and a further line never makes anything easier.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from opsroom_contracts.cloud.approvals import NEED_MAX
from opsroom_contracts.cloud.commands import COMMANDS, Command
from opsroom_contracts.cloud.selectors import matches, read_selector
from opsroom_contracts.identity import Role

LINES_MAX: Final = 200
"""The maximum number of lines with a rule."""
_EVERY: Final = "*"
_NAMES: Final[dict[str, Command]] = {
    **{spec.name: spec.command for spec in COMMANDS.values()},
    **{command.value: command for command in COMMANDS},
    Command.ADOPT.value: Command.ADOPT,
}
"""The commands that take effect after the delay, by the names that a line may use."""
_ROLES: Final = (Role.OPERATOR, Role.ADMIN)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
_EXPIRES_MIN, _EXPIRES_MAX = timedelta(seconds=1), timedelta(days=7)
_DEFAULT_EXPIRES: Final = timedelta(minutes=15)
_FIELDS: Final = "label:KEY=VALUE, need=, role=, not=author or expires="


class PolicyError(ValueError):
    """A line of a policy is invalid. ``line``: its number, from 1. ``field``: what is wrong in it."""

    def __init__(self, line: int, field_name: str, reason: str) -> None:
        super().__init__(f"line {line}, {field_name}: {reason}")
        self.line = line
        self.field = field_name


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a command needs: ``need`` people with at least ``role``, before ``expires`` has passed."""

    need: int
    role: Role
    expires: timedelta


@dataclass(frozen=True, slots=True)
class Rule:
    """One line. ``labels``: those that a server must have; none: the line is for every server."""

    line: int
    commands: frozenset[Command]
    labels: Mapping[str, str] = field(default_factory=dict)
    requirement: Requirement = field(default_factory=lambda: Requirement(1, Role.OPERATOR, _DEFAULT_EXPIRES))

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether it is for a server with ``labels``."""
        return matches(self.labels, labels)


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules."""

    rules: tuple[Rule, ...] = ()

    def requirement(self, command: Command, labels: Mapping[str, str]) -> Requirement | None:
        """Return what ``command`` needs for a server with ``labels``; None: no approval."""
        found = [one.requirement for one in self.rules if command in one.commands and one.selects(labels)]
        if not found:
            return None
        role = next(role for role in reversed(Role) if any(one.role is role for one in found))
        return Requirement(max(one.need for one in found), role, min(one.expires for one in found))

    def loosened(self, before: Mapping[str, str], after: Mapping[str, str]) -> Rule | None:
        """Return a rule for servers with the labels ``before`` that is not for those with ``after``.

        Without this, anybody who can label a server could take it out of the policy.
        """
        return next((one for one in self.rules if one.selects(before) and not one.selects(after)), None)


def read_policy(text: str) -> Policy:
    """Read a policy. Empty lines and what follows a ``#`` don't count.

    Raises:
        PolicyError: a line is invalid, or there are more than :data:`LINES_MAX`.
    """
    rules: list[Rule] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = _without_comment(line).split()
        if not words:
            continue
        if len(rules) == LINES_MAX:
            raise PolicyError(number, "rules", f"there are more than {LINES_MAX}")
        rules.append(_rule(number, words))
    return Policy(tuple(rules))


def _without_comment(line: str) -> str:
    return re.split(r"(?:^|\s)#", line, maxsplit=1)[0]


def _rule(number: int, words: list[str]) -> Rule:
    commands = _commands(number, words[0])
    given: dict[str, str] = {}
    for word in words[1:]:
        name, value = _condition(number, word)
        if name in given:
            raise PolicyError(number, name, "is there twice")
        given[name] = value

    def read(name: str, reader: Callable[[str], object], default: str) -> object:
        try:
            return reader(given.get(name, default))
        except ValueError as error:
            raise PolicyError(number, name, str(error)) from None

    read("not", _excluded, "author")
    labels = read("label", read_selector, "") if "label" in given else {}
    need, role = read("need", _need, "1"), read("role", _role, Role.OPERATOR.value)
    expires = read("expires", read_duration, "15m")
    assert isinstance(labels, dict)
    assert isinstance(need, int)
    assert isinstance(role, Role)
    assert isinstance(expires, timedelta)
    return Rule(number, commands, labels, Requirement(need, role, expires))


def _condition(number: int, word: str) -> tuple[str, str]:
    if word.startswith("label:"):
        return "label", word.removeprefix("label:")
    name, equals, value = word.partition("=")
    if not equals or name not in {"need", "role", "not", "expires"}:
        raise PolicyError(number, name or word, f"is not known; a condition is {_FIELDS}")
    return name, value


def _commands(number: int, word: str) -> frozenset[Command]:
    if word == _EVERY:
        return frozenset(_NAMES.values())
    names = word.split(",")
    for name in names:
        if name not in _NAMES:
            known = ", ".join(sorted(_NAMES))
            raise PolicyError(number, "commands", f"{name!r} is none of {known}, or *")
    return frozenset(_NAMES[name] for name in names)


def _need(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or not 1 <= int(text) <= NEED_MAX:
        raise ValueError(f"must be 1 to {NEED_MAX}, not {text!r}")
    return int(text)


def _role(text: str) -> Role:
    if text not in _ROLES:
        raise ValueError(f"must be {' or '.join(_ROLES)}, not {text!r}")
    return Role(text)


def _excluded(text: str) -> str:
    if text != "author":
        raise ValueError(f"must be author, not {text!r}: an author never approves")
    return text


def read_duration(text: str) -> timedelta:
    """Read a duration such as ``30s``, ``15m``, ``2h`` or ``1d``: one second to seven days.

    Raises:
        ValueError: it is none.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"must be like 30s, 15m, 2h or 1d, not {text!r}")
    duration = timedelta(seconds=int(found[1]) * _UNITS[found[2]])
    if not _EXPIRES_MIN <= duration <= _EXPIRES_MAX:
        raise ValueError(f"must be 1s to 7d, not {text!r}")
    return duration
