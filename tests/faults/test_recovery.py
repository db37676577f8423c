"""How long a fault affected all clients, and one client."""

import pytest

from tests.faults.nemesis.nemesis import InjectedFault
from tests.faults.nemesis.plan import FaultKind
from tests.faults.verification.history import History
from tests.faults.verification.recovery import fault_impacts

KILL = InjectedFault(FaultKind.CHAT_KILL, start=10.0, healed=10.0)
LATER = InjectedFault(FaultKind.GATEWAY_KILL, start=20.0, healed=21.0)


def test_recovery_is_when_the_last_wait_was_over_and_a_gap_is_one_wait() -> None:
    waits = [(9.5, 10.6), (10.9, 11.3), (15.0, 19.0), (19.0, 21.5)]
    kill, later = fault_impacts([LATER, KILL], waits, History(delay=1.0))
    assert kill.fault is KILL
    assert [kill.recovery, kill.gap] == pytest.approx([1.3, 0.6])
    assert later.fault is LATER
    assert kill.alone
    assert later.alone
    assert [later.recovery, later.gap] == pytest.approx([0.5, 1.5])


def test_a_fault_that_nobody_felt_has_neither() -> None:
    (kill,) = fault_impacts([KILL], [(12.0, 13.0)], History(delay=1.0))
    assert (kill.recovery, kill.gap) == (0.0, 0.0)


def test_a_wait_is_felt_of_each_fault_that_was_healed_in_it() -> None:
    slow = InjectedFault(FaultKind.LEADER_KILL, start=5.0, healed=6.0)
    leader, kill, later = fault_impacts([slow, KILL, LATER], [(6.5, 12.0), (8.0, 13.0)], History(delay=1.0))
    assert (leader.felt, leader.recovery) == (6.0, 0.0)
    assert (kill.felt, kill.recovery) == (3.0, 3.0)
    assert later.felt == 0.0


def test_what_begins_while_another_is_felt_is_not_alone() -> None:
    near = InjectedFault(FaultKind.CLOUD_KILL, start=21.4, healed=21.4)
    felt = fault_impacts([KILL, LATER, near], [(21.0, 21.8)], History(delay=1.0))
    assert [one.alone for one in felt] == [True, False, False]
