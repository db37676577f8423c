"""The ids of operations, which follow from the idempotency key of their request."""

from uuid import UUID, uuid5

_OPERATIONS = UUID("5f0a1d5e-6f43-4c39-9d4b-0d6f3c1e7b52")


def operation_id_of(client_id: str, identity: str | None = None) -> str:
    """Derive the operation id from the idempotency key ``client_id`` of ``identity``: 32 hexadecimal digits.

    Two identities with the same key get two ids. Without an identity, the id is that of older releases and of
    keys that nobody can choose.
    """
    return uuid5(_OPERATIONS, client_id if identity is None else f"{identity}\n{client_id}").hex


def lost_operation_id(instance_id: str, seq: int) -> str:
    """Derive the operation id of the removal of an instance whose event at ``seq`` is lost."""
    return uuid5(_OPERATIONS, f"lost/{instance_id}/{seq}").hex
