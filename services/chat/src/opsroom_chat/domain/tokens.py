"""Names of people, names of messages, and the tokens that prove who is who."""

import hashlib
import hmac
from uuid import UUID, uuid5

from opsroom_contracts.text import fold_name

_NAMESPACE = UUID("6d4bd2f4-3a55-4d7c-9d4e-6a1f0c9f2b11")
SECRET_BYTES = 32


def name_key(name: str) -> str:
    """The digest under which a name is claimed: equal for names that only one person may have."""
    return hashlib.sha256(fold_name(name).encode()).hexdigest()[:32]


def user_id_for(client_id: str) -> str:
    """The id of the person that a registration with ``client_id`` makes, the same every time."""
    return str(uuid5(_NAMESPACE, f"user/{client_id}"))


def message_id(user_id: str, client_id: str) -> str:
    """The id of the message that a person's send with ``client_id`` makes, the same every time."""
    return uuid5(_NAMESPACE, f"message/{user_id}/{client_id}").hex


def make_token(user_id: str, secret: str) -> str:
    """The token of a person: who they say they are, and the secret that proves it."""
    return f"{user_id}.{secret}"


def owner_of(token: str) -> str:
    """The id that ``token`` claims to prove; look at the proof before believing it."""
    return token.partition(".")[0]


def token_hash(token: str) -> str:
    """What is stored of a token. The secret has 256 random bits, so one round of SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def proves(token: str, stored_hash: str | None) -> bool:
    """Whether ``token`` is the one whose hash was stored; takes the same time either way."""
    return stored_hash is not None and hmac.compare_digest(token_hash(token), stored_hash)
