"""Which reasons a moderator may give, and the form in which one is kept and shown."""

from opsroom_contracts.text.name_rules import hidden_character
from opsroom_contracts.text.unicode import single_spaces


def clean_reason(raw: str | None) -> str | None:
    """Validate a reason and return it on one line, with single spaces; None if there is none.

    Raises:
        ValueError: it has control, direction-changing or invisible characters that are not part of an emoji
            or a word.
    """
    reason = single_spaces(raw or "")
    hidden = hidden_character(reason)
    if hidden is not None:
        raise ValueError(f"must not contain {hidden}")
    return reason or None
