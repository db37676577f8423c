#!/usr/bin/env python3
"""A provider to copy from: a server is a folder in $SERVERS (default: servers, next to this file).

The agent runs it with a verb as argument and JSON on standard input; see docs/agents.md. It needs nothing but
Python. Run it again for the same operation, and nothing is done twice.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

SERVERS = Path(os.environ.get("SERVERS", Path(__file__).parent / "servers"))


def folder_of(request):
    return SERVERS / request["portal"] / request["server"]["id"]


def state_of(folder):
    try:
        return {"state": (folder / "state").read_text()}
    except FileNotFoundError:
        return {"state": "gone"}


def change(folder, state):
    with (folder / "log").open("a") as log:
        log.write(f"{state}\n")
    (folder / "state.new").write_text(state)
    (folder / "state.new").replace(folder / "state")


def apply(request):
    folder, command, server = folder_of(request), request["command"], request["server"]
    if command == "remove":
        shutil.rmtree(folder, ignore_errors=True)
        return state_of(folder)
    if command == "create":
        folder.mkdir(parents=True, exist_ok=True)
        described = {key: server[key] for key in ("name", "template") if key in server}
        (folder / "server").write_text(json.dumps(described))
        for percent in (0, 50):
            print(json.dumps({"text": "making the folder", "percent": percent}), flush=True)
            time.sleep(request.get("settings", {}).get("seconds", 0) / 2)
    elif state_of(folder)["state"] == "gone":
        sys.exit(f"there is no folder {folder.name}")
    starts = request["start"] if command == "create" else command != "stop"
    change(folder, "running" if starts else "stopped")
    return state_of(folder)


def observe(request):
    return state_of(folder_of(request))


def list_servers(request):
    servers = []
    for state in (SERVERS / request["portal"]).glob("*/state"):
        described = json.loads((state.parent / "server").read_text())
        servers.append({"id": state.parent.name, **described, **state_of(state.parent)})
    return {"servers": servers}


def logs(request):
    with (folder_of(request) / "log").open() as log:
        for line in log.readlines()[-request["tail"] :]:
            print(line, end="", flush=True)
        while request["follow"]:
            line = log.readline()
            print(line, end="", flush=True)
            time.sleep(0 if line else 0.1)


VERBS = {"apply": apply, "observe": observe, "list": list_servers}

if __name__ == "__main__":
    verb, request = sys.argv[1], json.load(sys.stdin)
    if verb == "logs":
        logs(request)
    elif verb in VERBS:
        print(json.dumps(VERBS[verb](request)))
    else:
        sys.exit(f"there is no verb {verb}")
