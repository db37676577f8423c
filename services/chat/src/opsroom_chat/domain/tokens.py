"""Names of people, names of messages, and the tokens that prove who is who."""

import base64
import hashlib
import hmac
from uuid import UUID, uuid5

from opsroom_contracts.text import fold_name

_NAMESPACE = UUID("6d4bd2f4-3a55-4d7c-9d4e-6a1f0c9f2b11")
SECRET_BYTES = 32
_UNGUESSABLE = 32
"""Characters; the gateway's ids have so many, made of 122 random bits."""


def name_key(name: str) -> str:
    """The digest under which a name is claimed: equal for names that only one person may have."""
    return hashlib.sha256(fold_name(name).encode()).hexdigest()[:32]


def user_id_for(client_id: str) -> str:
    """The id of the person that a registration with ``client_id`` makes, the same every time."""
    return str(uuid5(_NAMESPACE, f"user/{client_id}"))


def message_id(user_id: str, client_id: str) -> str:
    """The id of the message that a person's send with ``client_id`` makes, the same every time.

    A UUID of version 5 (RFC 9562, section 5.5), made by hand: the library's takes four times as long, and
    every message needs one.
    """
    name = f"message/{user_id}/{client_id}".encode()
    digest = bytearray(hashlib.sha1(_NAMESPACE.bytes + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return digest.hex()


def make_token(user_id: str, secret: str) -> str:
    """The token of a person: who they say they are, and the secret that proves it."""
    return f"{user_id}.{secret}"


def secret_for(client_id: str | None, fresh: str) -> str:
    """The secret of a registration's token, the same every time, where its id is long enough to be no guess.

    A registration may be asked for twice at once, and either answer may be the one that counts. ``fresh`` is
    for those whose id others could guess.
    """
    if client_id is None or len(client_id) < _UNGUESSABLE:
        return fresh
    digest = hashlib.sha256(f"token/{client_id}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def owner_of(token: str) -> str:
    """The id that ``token`` claims to prove; look at the proof before believing it."""
    return token.partition(".")[0]


def token_hash(token: str) -> str:
    """What is stored of a token. The secret has 256 random bits, so one round of SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def proves(token: str, stored_hash: str | None) -> bool:
    """Whether ``token`` is the one whose hash was stored; takes the same time either way."""
    return stored_hash is not None and hmac.compare_digest(token_hash(token), stored_hash)
