"""Selectors: conditions on the labels of servers, such as ``env=prod,role=web``."""

from collections.abc import Mapping

from opsroom_contracts.cloud.instances import LABELS_MAX


def read_selector(text: str) -> dict[str, str]:
    """Return the labels that a server must have, all of them.

    Blanks around keys and values don't count. A value with a comma can't be selected.

    Raises:
        ValueError: a condition is not ``key=value``, a key is there twice, or there are more conditions than
            a server can have labels.
    """
    wanted: dict[str, str] = {}
    for condition in text.split(","):
        key, equals, value = (piece.strip() for piece in condition.partition("="))
        if not key or not equals:
            raise ValueError(f"must be like env=prod,role=web, not {text!r}")
        if key in wanted:
            raise ValueError(f"has the label {key!r} twice")
        wanted[key] = value
    if len(wanted) > LABELS_MAX:
        raise ValueError(f"has {len(wanted)} labels, and the limit is {LABELS_MAX}")
    return wanted


def matches(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Return whether a server with ``labels`` has all that are ``wanted``."""
    return wanted.items() <= labels.items()
