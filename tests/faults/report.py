"""The report of a run, as text and as JSON, and the sum of many runs."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.faults.rules.commands import max_late
from tests.faults.run import Outcome
from tests.faults.verification.verdict import Violation

Facts = dict[str, Any]
_SHOWN = 20
"""How many violations of a rule, and kinds of log lines, are shown."""
_TOTALS = ("lost", "doubled", "wrong", "leaks", "ghosts", "absences", "names")

LOST = {
    "message lost",
    "message missed",
    "event missed",
    "course missed",
    "command lost",
    "command unfinished",
    "event lost",
    "history missed",
    "audit missed",
    "operation lost",
    "operation unfinished",
    "change lost",
    "edit undone",
    "reaction undone",
    "membership lost",
    "room missed",
    "file lost",
    "position lost",
}
DOUBLED = {
    "message doubled",
    "event doubled",
    "course doubled",
    "command doubled",
    "operation doubled",
    "executed twice",
    "created twice",
    "edit doubled",
    "reaction doubled",
    "pin doubled",
    "file doubled",
}
WRONG = {
    "server state",
    "server facts",
    "server list",
    "dashboard",
    "outcome wrong",
    "outcome unknown",
    "undone and executed",
    "operation undone",
    "operation early",
    "operation wrong",
    "executed early",
    "executed unasked",
    "change unasked",
    "edit misplaced",
    "reaction count",
    "room invented",
    "room differs",
    "members differ",
    "member refused",
    "file damaged",
    "removed file",
    "unread differs",
    "unread wrong",
    "search wrong",
}
"""States of servers and messages that are not what was done, and what was done that nobody had asked for."""
LEAKS = {"seen by a non-member"}
GHOSTS = {"ghost", "left over"}
ABSENCES = {
    "absent",
    "message late",
    "event late",
    "unavailable",
    "command late",
    "operation late",
    "server stale",
}
STUCK = {"name stuck", "name held twice", "server name held twice"}


def facts_of(outcome: Outcome, machine: str) -> Facts:
    """Return the run as a JSON object."""
    rules = Counter(violation.rule for violation in outcome.violations)
    return {
        "seed": outcome.seed,
        "seconds": round(outcome.seconds, 1),
        "machine": machine,
        "faults": dict(Counter(one.kind.value for one in outcome.injected)),
        "counts": outcome.counts,
        "lost": sum(rules[rule] for rule in LOST),
        "doubled": sum(rules[rule] for rule in DOUBLED),
        "wrong": sum(rules[rule] for rule in WRONG),
        "leaks": sum(rules[rule] for rule in LEAKS),
        "late": round(max_late(outcome.history), 2),
        "ghosts": sum(rules[rule] for rule in GHOSTS),
        "absences": sum(rules[rule] for rule in ABSENCES),
        "judged": {domain: round(share, 3) for domain, share in outcome.judged.items()},
        "names": sum(rules[rule] for rule in STUCK),
        "recovery": _rounded(outcome.recovery),
        "gaps": _rounded(outcome.gaps),
        "rules": dict(rules),
        "violations": _examples(outcome.violations),
        "vitals": outcome.process_stats,
        "complaints": outcome.complaints[:50],
    }


def _examples(violations: Iterable[Violation]) -> list[str]:
    """Return the first violations of each rule, so that many of one kind hide no other."""
    seen: Counter[str] = Counter()
    found = []
    for violation in violations:
        seen[violation.rule] += 1
        if seen[violation.rule] <= _SHOWN:
            found.append(f"{violation.rule}: {violation.what}")
    return found


def _rounded(by_kind: dict[str, list[float]]) -> dict[str, list[float]]:
    return {kind: [round(value, 2) for value in values] for kind, values in by_kind.items()}


def _middle_and_most(values: list[float]) -> str:
    """Format the median and the maximum of faults that did not overlap others; there may be none."""
    if not values:
        return f"{'-':>14}{'-':>8}"
    return f"{sorted(values)[len(values) // 2]:>12.2f} s{max(values):>6.2f} s"


def text_of(facts: Facts) -> str:
    """Format the facts of a run, or of many, as text."""
    faults: dict[str, int] = facts["faults"]
    lines = [
        f"{sum(faults.values())} faults in {facts['seconds']:.0f} s (seed {facts['seed']})",
        *([f"  {facts['machine']}"] if "machine" in facts else []),
        f"  {'fault':<30}{'times':>6}{'recovery p50':>14}{'max':>8}{'gap p50':>14}{'max':>8}",
    ]
    for kind, times in sorted(faults.items()):
        felt = [_middle_and_most(facts[measure].get(kind, [])) for measure in ("recovery", "gaps")]
        lines.append(f"  {kind:<30}{times:>6}{''.join(felt)}")
    lines += ["", *(f"  {name:<30}{count:>10}" for name, count in facts["counts"].items()), ""]
    lines += [f"  {word:<30}{facts.get(word, 0):>10}" for word in _TOTALS]
    lines += [
        f"  {'judged, ' + domain:<30}{share:>10.0%}" for domain, share in facts.get("judged", {}).items()
    ]
    lines.append(f"  {'late (max, past outages)':<30}{facts['late']:>9.2f} s")
    if facts["vitals"]:
        lines += ["", f"  {'process':<14}{'MiB':>8}{'MiB an hour':>13}{'descriptors':>13}{'seconds':>9}"]
    for name, one in facts["vitals"].items():
        lines.append(
            f"  {name:<14}{one['last MiB']:>8.1f}{one['MiB an hour']:>13.1f}"
            f"{one['last descriptors']:>8.0f}/{one['most descriptors']:<4.0f}{one['seconds']:>9.0f}"
        )
    lines += [f"  log: {words}" for words in facts["complaints"][:_SHOWN]]
    lines += ["", *(f"VIOLATION {words}" for words in facts["violations"])]
    more = sum(facts.get("rules", {}).values()) - len(facts["violations"])
    if more > 0:
        lines.append(f"… and {more} more")
    return "\n".join(lines)


def summed(paths: Iterable[Path]) -> Facts:
    """Sum up the facts of many runs."""
    runs = [json.loads(path.read_text()) for path in sorted(paths)]
    faults: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    felt: dict[str, dict[str, list[float]]] = {"recovery": {}, "gaps": {}}
    for run in runs:
        faults.update(run["faults"])
        counts.update(run["counts"])
        rules.update(run.get("rules", {}))
        for measure, by_kind in felt.items():
            for kind, values in run.get(measure, {}).items():
                by_kind.setdefault(kind, []).extend(values)
    return {
        "seed": ", ".join(str(run["seed"]) for run in runs),
        "seconds": sum(run["seconds"] for run in runs),
        "faults": dict(faults),
        "counts": dict(counts),
        **{word: sum(run.get(word, 0) for run in runs) for word in _TOTALS},
        "judged": _mean_shares(runs),
        "late": max((run["late"] for run in runs), default=0.0),
        **felt,
        "rules": dict(rules),
        "violations": [f"seed {run['seed']}: {words}" for run in runs for words in run["violations"]],
        "vitals": {},
        "complaints": [],
    }


def _mean_shares(runs: list[Facts]) -> dict[str, float]:
    """Return the judged share of each domain, weighted by the runs' lengths; older results have none."""
    totals: Counter[str] = Counter()
    seconds = 0.0
    for run in runs:
        if "judged" in run:
            seconds += run["seconds"]
            totals.update({domain: share * run["seconds"] for domain, share in run["judged"].items()})
    return {domain: total / seconds for domain, total in totals.items()} if seconds else {}
