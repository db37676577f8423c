"""Deterministic ids."""

import hashlib
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from opsroom_chat.domain.tokens import message_id

_STORED_SINCE = UUID("6d4bd2f4-3a55-4d7c-9d4e-6a1f0c9f2b11")


@given(st.text(), st.text())
def test_message_ids_are_stable_uuids(user_id: str, client_id: str) -> None:
    """Each id is the one that is stored already: a SHA-1 digest as UUID version 5 (RFC 9562, section 5.5)."""
    name = f"message/{user_id}/{client_id}".encode()
    digest = bytearray(hashlib.sha1(_STORED_SINCE.bytes + name).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    assert message_id(user_id, client_id) == digest.hex()
