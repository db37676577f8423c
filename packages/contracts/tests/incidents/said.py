"""Texts that the tests of the page parse, too: ``cases.json`` has what each of them is.

Run this module to write the file again after a change of the grammar, and read the difference.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from opsroom_contracts.incidents.grammar import Said, parse
from opsroom_contracts.incidents.words import Problem

CASES = Path(__file__).with_name("cases.json")
CUSTOM = ("deploy", "ps2")
"""The commands of bots in the cases."""
TEXTS = (
    "",
    "hello",
    " /ps",
    "//ps is a command",
    "///",
    "/etc\n/usr",
    "//etc\n/usr",
    "/",
    "/ ps",
    "/PS",
    "/ps",
    "/ps  ",
    "/ps web-1 web-2 web-1",
    "/ps label:env=prod,role=web",
    "/ps label:env=prod label:role=web",
    '/ps label:"team=red hats"',
    '/ps label:team="red hats"',
    "/ps label:env=",
    "/ps label:env",
    "/ps label:=prod",
    "/ps label:env=a,env=b",
    "/ps label:env=a web-1",
    "/ps web-1 label:env=a",
    "/ps\u00a0web-1\u3000web-2\tweb-3",
    "/ps web 1!",
    "/psst",
    '/ps2 a  "b',
    "/deploy web v1.2",
    "/deploy",
    "/créer",
    "/etc/hosts is broken",
    "/create",
    "/create web-small",
    "/create docker-1/web-small as web-3",
    "/create as web-3",
    "/create web-small as",
    "/create web-small as web-3 label:env=test started",
    "/create started",
    "/create web-small started as web-3",
    "/create web-small web-3",
    "/create web-small as -web",
    "/create Web",
    "/start",
    "/start web-1",
    "/start at",
    "/stop label:env=test",
    '/restart "web-1"',
    '/restart "web-1',
    '/restart web-1 "',
    '/restart ""',
    "/rm web-3 web-4",
    "/logs",
    "/logs web-1",
    "/logs web-1 50",
    "/logs web-1 0",
    "/logs web-1 101",
    "/logs web-1 ten",
    "/logs web-1 5 6",
    "/undo",
    "/undo web-1",
    "/approve web-1",
    "/approve 01H alone the site is down",
    "/approve web-1 alone",
    "/approve",
    '/deny web-1 not "now',
    "/ack",
    "/ack on it",
    "/incident",
    '/incident Checkout  is "slow" 🙂',
    "/schedule stop label:env=test at 19:00",
    "/schedule stop web-1 web-2 at 2026-11-30T19:00 Europe/Berlin",
    "/schedule restart web-1 cron 0 4 * * 1-5 Europe/Berlin",
    '/schedule restart web-1 cron "0 4 * * 1-5"',
    "/schedule restart web-1 cron 0 4 *",
    "/schedule create web-1 at 19:00",
    "/schedule stop web-1",
    "/schedule stop web-1 at 25:00",
    "/schedule stop label:env=test at 19:00 Europe/Berlin as nightly",
    "/schedule stop web-1 at 19:00 as nightly",
    "/schedule stop web-1 at 19:00 as Nightly",
    "/schedule stop web-1 at 19:00 as",
    "/schedule stop web-1 at 19:00 as nightly Europe/Berlin",
    "/schedule stop web-1 every day at 19:00",
    "/schedule start web-1 every Monday at 07:05 Europe/Berlin as week",
    "/schedule rm web-1 every weekday at 19:00:00",
    "/schedule stop web-1 every month at 19:00",
    "/schedule stop web-1 every day",
    "/schedule stop web-1 every",
    "/schedule stop every day at 19:00",
    "/schedule list",
    "/schedule list all",
    "/schedule remove nightly",
    "/schedule Remove nightly",
    "/schedule remove",
    "/schedule remove a_b",
    "/schedule",
    "/search",
    '/search in:general "exact words" 🙂',
    "/help",
    "/help Restart",
    "/help /restart",
    "/help a b",
    "/🙂",
    '/ps 🙂 "',
)


def as_json(said: Said) -> dict[str, Any]:
    """Return what a text is. The message of a problem is left out: the page has its own texts."""
    values = asdict(said)
    if isinstance(said, Problem):
        del values["message"]
    return {"is": type(said).__name__, **values}


def rows() -> list[dict[str, Any]]:
    """Return all cases, as they are in the file."""
    return [
        {"text": text, **json.loads(json.dumps({"said": as_json(parse(text, CUSTOM))}))} for text in TEXTS
    ]


if __name__ == "__main__":
    CASES.write_text(json.dumps({"custom": CUSTOM, "cases": rows()}, indent=1) + "\n", encoding="utf-8")
