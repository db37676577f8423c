"""The report of a session, as a table."""

from tests.fuzz.tally import ENOUGH, Tally


def table(tally: Tally, seconds: float, seed: int) -> str:
    """Format cases and findings by kind, the latency of the canaries, and the resource usage."""
    lines = [f"{'kind':36}{'cases':>9}{'findings':>9}"]
    for kind in sorted({*tally.cases, *tally.findings_by_kind}):
        lines.append(f"{kind:36}{tally.cases[kind]:>9}{tally.findings_by_kind[kind]:>9}")
    lines.append(f"{'all':36}{tally.cases.total():>9}{len(tally.findings):>9}")
    lines.append(f"seed {seed}, {seconds:.0f} s")
    if waits := sorted(tally.waits):
        worst, median = waits[-1] * 1000, waits[len(waits) // 2] * 1000
        lines.append(f"canaries' messages: {len(waits)}, median {median:.0f} ms, slowest {worst:.0f} ms")
    for kind, (longest, counted) in tally.longest.items():
        lines.append(
            f"stopwatch, {kind}: {tally.measured[kind]}, slowest {longest * 1000:.0f} ms,"
            f" without the machine's part {counted * 1000:.0f} ms"
        )
    lines.append(f"batches with a wait that was too long, but not again: {tally.unconfirmed}")
    lines.append(f"most memory: {tally.peak_mib:.0f} MiB")
    if tally.before is not None and tally.after is not None:
        for what in ("tasks", "descriptors", "sockets", "mib"):
            was, now = getattr(tally.before, what), getattr(tally.after, what)
            lines.append(f"{what}: {was:.0f} before, {now:.0f} after")
    return "\n".join((*lines, *tally.findings[:ENOUGH]))
