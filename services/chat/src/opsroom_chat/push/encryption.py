"""Encryption of a push for one device: ``aes128gcm`` of RFC 8188, with the keys of RFC 8291."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from opsroom_contracts.chat.notifications import PushKeys

CURVE: Final = SECP256R1()
_SALT_BYTES: Final = 16
_RECORD_BYTES: Final = 4096
_TAG_BYTES: Final = 16
_PAD_TO: Final = 512
"""Texts are padded to a multiple of this, so that a push service does not learn their length."""
_LAST_RECORD: Final = b"\x02"


@dataclass(frozen=True, slots=True)
class Receiver:
    """The keys of a device."""

    public_key: EllipticCurvePublicKey
    secret: bytes


def receiver_of(keys: PushKeys) -> Receiver:
    """Decode the keys of a subscription.

    Raises:
        ValueError: the public key is no point of the curve.
    """
    public_key = EllipticCurvePublicKey.from_encoded_point(CURVE, decode_base64(keys.p256dh))
    return Receiver(public_key, decode_base64(keys.auth))


def encrypt(plain: bytes, receiver: Receiver) -> bytes:
    """Encrypt ``plain``, 3,000 bytes at most, with fresh keys: the body of a push request."""
    padded = plain + _LAST_RECORD + bytes(-(len(plain) + 1) % _PAD_TO)
    return encrypt_with(padded, receiver, generate_private_key(CURVE), os.urandom(_SALT_BYTES))


def encrypt_with(padded: bytes, receiver: Receiver, own: EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """Encrypt one record, whose text ends with its delimiter and padding; both keys are used only once."""
    if len(padded) + _TAG_BYTES > _RECORD_BYTES:
        raise AssertionError(f"a push of {len(padded)} bytes")
    own_point, point = point_of(own.public_key()), point_of(receiver.public_key)
    shared = own.exchange(ECDH(), receiver.public_key)
    info = b"WebPush: info\x00" + point + own_point
    key_material = HKDF(SHA256(), 32, receiver.secret, info).derive(shared)
    key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(key_material)
    nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(key_material)
    header = salt + _RECORD_BYTES.to_bytes(4, "big") + bytes([len(own_point)]) + own_point
    return header + AESGCM(key).encrypt(nonce, padded, None)


def point_of(key: EllipticCurvePublicKey) -> bytes:
    """Return a public key as an uncompressed point, 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encode_base64(data: bytes) -> str:
    """Encode as base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_base64(text: str) -> bytes:
    """Decode base64url, with or without padding.

    Raises:
        ValueError: it is none.
    """
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
