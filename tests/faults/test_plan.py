"""A plan is determined by its seed, and contains the kinds that were asked for."""

from itertools import pairwise

from tests.faults.nemesis.plan import AGENT_FAULTS, LONG_PAUSES, STREAM_FAULTS, FaultKind, Scope, make_plan

LONG = set(LONG_PAUSES)
STREAMS = set(STREAM_FAULTS)
LONGEST_SECONDS = 60.0
"""A sleep and its recovery."""
AGENTS = set(AGENT_FAULTS)
CLUSTER = {FaultKind.LEADER_KILL, FaultKind.NODE_CUT}


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    scope = Scope(120)
    assert make_plan(7, scope) == make_plan(7, scope)
    assert make_plan(7, scope) != make_plan(8, scope)


def test_faults_come_in_order_within_the_time_and_often() -> None:
    for seed in range(20):
        plan = make_plan(seed, Scope(600, cluster=bool(seed % 2), long=True))
        times = [fault.at for fault in plan]
        assert times == sorted(times)
        assert times[-1] < 600
        assert len(plan) >= 120


def test_what_takes_long_comes_once_and_not_in_a_row() -> None:
    for seed in range(20):
        plan = make_plan(seed, Scope(480, long=True, streams=True))
        times = [fault.at for fault in plan if fault.kind in LONG | STREAMS]
        assert len(times) == len(LONG | STREAMS)
        assert min(later - earlier for earlier, later in pairwise(times)) > LONGEST_SECONDS


def test_every_kind_comes_up_and_no_other() -> None:
    def kinds(scope: Scope) -> set[FaultKind]:
        return {fault.kind for fault in make_plan(3, scope)}

    rare = {FaultKind.BROKER_FULL, FaultKind.CLOCK_STEP}
    plain = set(FaultKind) - LONG - STREAMS - CLUSTER - AGENTS - rare
    assert kinds(Scope(600)) == plain
    assert kinds(Scope(600, cluster=True, long=True)) == plain | LONG | CLUSTER
    assert kinds(Scope(600, full=True)) == plain | {FaultKind.BROKER_FULL}
    assert kinds(Scope(600, full=True, cluster=True)) == plain | CLUSTER
    assert kinds(Scope(600, streams=True)) == plain | STREAMS
    assert kinds(Scope(600, streams=True, without=STREAM_FAULTS)) == plain
    assert kinds(Scope(600, only=(FaultKind.RESTORE,))) == {FaultKind.RESTORE}
    assert kinds(Scope(600, agent=True)) == plain | AGENTS - {FaultKind.AGENT_SLEEP}
    assert kinds(Scope(600, agent=True, long=True)) == plain | AGENTS | LONG
    assert kinds(Scope(600, clock=True)) == plain | {FaultKind.CLOCK_STEP}
    assert kinds(Scope(600, soak=True)) == {
        FaultKind.READER_CUT,
        FaultKind.READER_SLOW,
        FaultKind.READER_HALF_OPEN,
    }
