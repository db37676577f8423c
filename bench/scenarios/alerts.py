"""Alerts from outside: from the monitor's request to the card on every page."""

from bench.generators.alert_load import AlertFigures, AlertPlan, run_alert_load
from bench.options import Options
from bench.results.statistics import percentile, spread
from bench.results.table import Cell, Table
from bench.servers.portal import portal

READERS = 100
ALERTS_PER_MINUTE = 1_000
KEYS = 50
SECONDS = 60.0


def seconds(options: Options) -> float:
    """Return about how long it takes on two cores."""
    return options.rounds * (SECONDS + 20)


async def measure(options: Options) -> list[Table]:
    """Return the latencies, and how many cards there are."""
    rounds = []
    for _ in range(options.rounds):
        async with portal(delay=options.delay, pin=options.pin, incidents=True) as servers:
            alerts = int(ALERTS_PER_MINUTE * SECONDS / 60)
            plan = AlertPlan(servers.port, servers.nats_port, READERS, alerts, KEYS, SECONDS)
            rounds.append(await run_alert_load(plan))
    title = f"{ALERTS_PER_MINUTE:,} alerts a minute of {KEYS} keys, {READERS} pages, rounds: {options.rounds}"
    return [
        Table(title, ("alert to", "p50 ms", "p99 ms", "max ms"), [_row(rounds, "ok"), _row(rounds, "card")]),
        Table("Cards", ("cards", "missed", "alert late ms", "generator CPU %"), [_counts(rounds)]),
    ]


def _row(rounds: list[AlertFigures], what: str) -> tuple[Cell, ...]:
    found = [one.stored if what == "ok" else one.shown for one in rounds]
    name = "the answer ok" if what == "ok" else "the card on a page"
    return (
        name,
        spread([percentile(one, 0.5) for one in found]),
        spread([percentile(one, 0.99) for one in found]),
        spread([max(one) for one in found]),
    )


def _counts(rounds: list[AlertFigures]) -> tuple[Cell, ...]:
    return (
        spread([one.cards for one in rounds]),
        sum(one.missed for one in rounds),
        spread([one.late for one in rounds]),
        spread([one.generator_cpu * 100 for one in rounds]),
    )
