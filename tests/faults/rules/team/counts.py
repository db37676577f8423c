"""How much the people of a team did, for the report."""

from collections import Counter

from tests.faults.verification.history import History


def team_counts(history: History) -> dict[str, int]:
    """Return the counts by their names in the report."""
    teams = [life.team for life in history.chats]
    rosters = {id(team.roster): team.roster for team in teams}.values()
    kinds = Counter(wish.kind.value for team in teams for wish in team.wishes if wish.done is not None)
    return {
        "edits": kinds["edited"],
        "reactions": kinds["reaction"],
        "pins": kinds["pinned"],
        "files sent": sum(len(team.files) for team in teams),
        "files compared": sum(1 for team in teams for one in team.downloads if one.digest),
        "memberships changed": sum(len(roster.changes) for roster in rosters),
        "doors tried": sum(len(roster.glimpses) for roster in rosters),
        "doors closed": sum(not one.let_in for roster in rosters for one in roster.glimpses),
        "rooms compared at rest": sum(len(team.rest) for team in teams),
        "unread counts compared": sum(len(team.reads) for team in teams),
    }
