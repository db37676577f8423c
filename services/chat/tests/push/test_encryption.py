"""Encryption of pushes: the example of RFC 8291, and any text."""

from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import derive_private_key, generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from opsroom_chat.push.encryption import (
    CURVE,
    decode_base64,
    encode_base64,
    encrypt,
    encrypt_with,
    point_of,
    receiver_of,
)
from opsroom_contracts.chat.notifications import PushKeys
from services.chat.tests.push.push_service import decrypt

# RFC 8291, section 5.
_PLAIN = b"When I grow up, I want to be a watermelon"
_SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
_RECEIVER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
_AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
_SALT = "DGv6ra1nlYgDCS1FRnbzlw"
_BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PB"
    "ru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_the_standard() -> None:
    sender = derive_private_key(int.from_bytes(decode_base64(_SENDER), "big"), CURVE)
    receiver = receiver_of(PushKeys(p256dh=_RECEIVER, auth=_AUTH))
    body = encrypt_with(_PLAIN + b"\x02", receiver, sender, decode_base64(_SALT))
    assert encode_base64(body) == _BODY


@given(st.binary(max_size=3000))
def test_a_device_reads_what_was_encrypted(plain: bytes) -> None:
    key, secret = generate_private_key(CURVE), bytes(range(16))
    keys = PushKeys(p256dh=encode_base64(point_of(key.public_key())), auth=encode_base64(secret))
    body = encrypt(plain, receiver_of(keys))
    padded = decrypt(body, key, secret)
    assert padded.rstrip(b"\x00") == plain + b"\x02"
    assert len(padded) % 512 == 0
    assert plain not in body or len(plain) < 8


def test_a_point_that_is_not_on_the_curve_is_refused() -> None:
    point = urlsafe_b64encode(b"\x04" + bytes(63) + b"\x01").rstrip(b"=").decode()
    with pytest.raises(ValueError, match=r".*"):
        receiver_of(PushKeys(p256dh=point, auth=_AUTH))
