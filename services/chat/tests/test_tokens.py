"""Deterministic ids."""

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from opsroom_chat.domain.tokens import message_id

_STORED_SINCE = UUID("6d4bd2f4-3a55-4d7c-9d4e-6a1f0c9f2b11")


@given(st.text(), st.text())
def test_message_ids_are_stable_uuids(user_id: str, client_id: str) -> None:
    """The same UUID of version 5 as the library makes: a retry must find messages that are already stored."""
    name = f"message/{user_id}/{client_id}"
    assert message_id(user_id, client_id) == uuid5(_STORED_SINCE, name).hex
