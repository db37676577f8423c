"""Plans follow from their seeds, and hold what they were asked for."""

from tests.faults.plan import SLEEPS, Kind, Scope, make_plan

LONG = set(SLEEPS)
CLUSTER = {Kind.LEADER_KILL, Kind.NODE_CUT}


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


def test_every_kind_comes_up_and_no_other() -> None:
    def kinds(scope: Scope) -> set[Kind]:
        return {fault.kind for fault in make_plan(3, scope)}

    plain = set(Kind) - LONG - CLUSTER - {Kind.BROKER_FULL, Kind.CLOCK_STEP}
    assert kinds(Scope(600)) == plain
    assert kinds(Scope(600, cluster=True, long=True)) == plain | LONG | CLUSTER
    assert kinds(Scope(600, full=True)) == plain | {Kind.BROKER_FULL}
    assert kinds(Scope(600, full=True, cluster=True)) == plain | CLUSTER
    assert kinds(Scope(600, clock=True)) == plain | {Kind.CLOCK_STEP}
    assert kinds(Scope(600, soak=True)) == {Kind.READER_CUT, Kind.READER_SLOW, Kind.READER_HALF_OPEN}
