"""How long a fault was felt by anybody, and by one client."""

import pytest

from tests.faults.history import History
from tests.faults.injector import Injected
from tests.faults.plan import Kind
from tests.faults.recovery import recoveries

KILL = Injected(Kind.CHAT_KILL, start=10.0, healed=10.0)
LATER = Injected(Kind.GATEWAY_KILL, start=20.0, healed=21.0)


def test_recovery_is_when_the_last_wait_was_over_and_a_gap_is_one_wait() -> None:
    waits = [(9.5, 10.6), (10.9, 11.3), (15.0, 19.0), (19.0, 21.5)]
    kill, later = recoveries([LATER, KILL], waits, History(delay=1.0))
    assert kill.fault is KILL
    assert [kill.recovery, kill.gap] == pytest.approx([1.3, 0.6])
    assert later.fault is LATER
    assert kill.alone
    assert later.alone
    assert [later.recovery, later.gap] == pytest.approx([0.5, 1.5])


def test_a_fault_that_nobody_felt_has_neither() -> None:
    (kill,) = recoveries([KILL], [(12.0, 13.0)], History(delay=1.0))
    assert (kill.recovery, kill.gap) == (0.0, 0.0)


def test_what_begins_while_another_is_felt_is_not_alone() -> None:
    near = Injected(Kind.CLOUD_KILL, start=21.4, healed=21.4)
    felt = recoveries([KILL, LATER, near], [(21.0, 21.8)], History(delay=1.0))
    assert [one.alone for one in felt] == [True, False, False]
