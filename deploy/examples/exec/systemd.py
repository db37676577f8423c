#!/usr/bin/env python3
"""A provider of systemd units: a server is a service whose command is that of its template.

The agent runs it with a verb as argument and JSON on standard input; see docs/agents.md. It writes units into
$UNITS (default: /etc/systemd/system) and needs the right to do so, and to use systemctl.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

UNITS = Path(os.environ.get("UNITS", "/etc/systemd/system"))
UNIT = """[Unit]
Description={name}

[Service]
ExecStart={command}
DynamicUser=yes
NoNewPrivileges=yes
MemoryMax={memory}
CPUQuota={cpu}

[Install]
WantedBy=multi-user.target

[X-Opsroom]
Name={name}
Template={template}
"""
SHOWN = "Id,LoadState,ActiveState,SubState,Result,Description"


def systemctl(*arguments):
    done = subprocess.run(["systemctl", "--no-ask-password", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr.strip() or f"systemctl {arguments[0]} has exited with {done.returncode}")
    return done.stdout


def unit_of(request):
    server = request["server"]
    return server.get("resource") or f"opsroom-{request['portal']}-{server['id']}.service"


def show(*units):
    blocks = systemctl("show", f"--property={SHOWN}", *units).strip().split("\n\n")
    return [dict(line.split("=", 1) for line in block.splitlines()) for block in blocks if block]


def state_of(shown):
    if shown["LoadState"] == "not-found":
        return {"state": "gone"}
    running = shown["ActiveState"] in {"active", "reloading", "activating"}
    failed = shown["ActiveState"] == "failed"
    reason = {"condition": "failed", "reason": f"the unit has failed: {shown['Result']}"} if failed else {}
    return {"state": "running" if running else "stopped", **reason}


def write_unit(request, unit):
    settings, server = request["settings"], request["server"]
    command = settings["command"]
    if not command.startswith("/"):
        sys.exit("the template's command must begin with the path of a program")
    text = UNIT.format(
        name=server["name"],
        command=command,
        memory=settings.get("memory", "512M"),
        cpu=settings.get("cpu", "100%"),
        template=server.get("template", ""),
    )
    (UNITS / f".{unit}.new").write_text(text)
    (UNITS / f".{unit}.new").replace(UNITS / unit)
    systemctl("daemon-reload")


def apply(request):
    unit, command = unit_of(request), request["command"]
    exists = show(unit)[0]["LoadState"] != "not-found"
    if command == "create":
        write_unit(request, unit)
        if request["start"]:
            systemctl("enable", "--now", unit)
    elif command == "remove":
        if exists:
            systemctl("disable", "--now", unit)
        (UNITS / unit).unlink(missing_ok=True)
        systemctl("daemon-reload")
    elif not exists:
        sys.exit(f"there is no unit {unit}")
    elif command in {"start", "stop"}:
        systemctl("enable" if command == "start" else "disable", "--now", unit)
    elif command == "restart":
        systemctl("restart", unit)
    return observe(request)


def observe(request):
    return state_of(show(unit_of(request))[0])


def list_servers(request):
    prefix, servers = f"opsroom-{request['portal']}-", []
    files = {path.name: path.read_text() for path in UNITS.glob(f"{prefix}*.service")}
    for shown in show(*files) if files else []:
        text = files[shown["Id"]]
        name, template = (re.search(rf"^{key}=(.*)$", text, re.M)[1] for key in ("Name", "Template"))
        described = {"name": name, **({"template": template} if template else {})}
        server_id = shown["Id"].removeprefix(prefix).removesuffix(".service")
        servers.append({"id": server_id, **described, **state_of(shown)})
    return {"servers": servers}


def adoptable(request):
    units = json.loads(systemctl("list-units", "--type=service", "--all", "--output=json"))
    names = [one["unit"] for one in units if not one["unit"].startswith("opsroom-")]
    return {
        "resources": [
            {
                "resource": shown["Id"],
                "name": shown["Id"],
                "description": shown["Description"][:255],
                "state": state_of(shown)["state"],
            }
            for shown in (show(*names) if names else [])
            if shown["LoadState"] == "loaded"
        ]
    }


def logs(request):
    follow = ["--follow"] if request["follow"] else []
    lines = f"--lines={request['tail']}"
    os.execvp("journalctl", ["journalctl", "--unit", unit_of(request), "--output=cat", lines, *follow])


VERBS = {"apply": apply, "observe": observe, "list": list_servers, "adoptable": adoptable, "logs": logs}

if __name__ == "__main__":
    verb, request = sys.argv[1], json.load(sys.stdin)
    print(json.dumps(VERBS[verb](request)))
