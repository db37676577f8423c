"""What faults are planted in is there: names of methods are texts, which no type checker follows."""

import pytest

from tests.fuzz.faults import FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_can_be_planted_and_mended(fault: str) -> None:
    replaced = FAULTS[fault].plant()
    for owner, attribute, was in replaced:
        assert getattr(owner, attribute) is not was
        setattr(owner, attribute, was)
