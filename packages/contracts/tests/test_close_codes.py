"""Close codes and retry hints."""

from opsroom_contracts.close_codes import Close, retry_hint


def test_close_codes_are_unique_and_within_their_ranges() -> None:
    codes = [close.value.code for close in Close]
    assert len(codes) == len(set(codes))
    for close in Close:
        assert close.value.code in {1000, 1001, 1008, 1009, 1011, 1013} or 4000 <= close.value.code <= 4999
        assert len(close.value.reason.encode()) <= 123


def test_the_retry_delay_is_parsed_from_the_close_reason() -> None:
    for close in Close:
        assert retry_hint(close.value.reason) is None
        hinted = close.value.with_retry(2.54)
        assert (hinted.code, retry_hint(hinted.reason)) == (close.value.code, 2.5)
        assert len(close.value.with_retry(60.0).reason.encode()) <= 123
