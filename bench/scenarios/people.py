"""Named people join one room: what a join costs, while there are more and more of them."""

from bench.generators.people_load import PeoplePlan, PeopleStep, run_people_load
from bench.options import Options
from bench.results.table import Cell, Table
from bench.servers.portal import portal

_HEADERS = (
    "joins",
    "then present",
    "joins/s",
    "welcome bytes",
    "frames/join",
    "bytes/join",
    "nats µs/join",
    "chat µs/join",
    "gateway µs/join",
)


async def measure(options: Options) -> list[Table]:
    """As many joins as the largest crowd of ``options.crowds``, in four parts."""
    joins = max(options.crowds)
    async with portal(delay=3600, pin=options.pin) as servers:
        steps = await run_people_load(PeoplePlan(joins, servers.port, servers.nats_port, servers.pids()))
    title = f"{joins:,} named people join a room; frames and bytes are what each of the others receives"
    return [Table(title, _HEADERS, [_row(step) for step in steps])]


def _row(step: PeopleStep) -> tuple[Cell, ...]:
    costs = [step.cpu[name] / step.joins * 1e6 for name in ("nats", "chat", "gateway")]
    rate = step.joins / step.seconds
    return (step.joins, step.present, rate, step.welcome_bytes, step.frames, step.frame_bytes, *costs)
