"""Ids that are made again the same."""

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from opsroom_chat.domain.tokens import message_id

_STORED_SINCE = UUID("6d4bd2f4-3a55-4d7c-9d4e-6a1f0c9f2b11")


@given(st.text(), st.text())
def test_a_message_has_the_id_that_streams_already_hold(user_id: str, client_id: str) -> None:
    """It is a UUID of version 5, as the library makes them: a retry must find what was stored long ago."""
    name = f"message/{user_id}/{client_id}"
    assert message_id(user_id, client_id) == uuid5(_STORED_SINCE, name).hex
