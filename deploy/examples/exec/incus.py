#!/usr/bin/env python3
"""A provider of Incus instances: a server is a system container or a virtual machine.

The agent runs it with a verb as argument and JSON on standard input; see docs/agents.md. It needs the right
to use incus.
"""

import json
import subprocess
import sys


def incus(*arguments):
    done = subprocess.run(["incus", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(done.stderr.strip() or f"incus {arguments[0]} has exited with {done.returncode}")
    return done.stdout


def name_of(request):
    return request["server"].get("resource") or f"opsroom-{request['server']['id']}".replace("_", "-").lower()


def find(request):
    """Return the instance. The filter is a prefix, hence the comparison."""
    name = name_of(request)
    found = json.loads(incus("list", name, "--format=json"))
    return next((one for one in found if one["name"] == name), None)


def state_of(instance):
    if instance is None:
        return {"state": "gone"}
    if instance["status"] == "Error":
        return {"state": "stopped", "condition": "failed", "reason": "Incus reports an error"}
    if instance["status"] not in {"Running", "Ready"}:
        return {"state": "stopped"}
    networks = ((instance.get("state") or {}).get("network") or {}).values()
    found = [one for network in networks for one in network["addresses"] if one["scope"] == "global"]
    return {"state": "running", **({"address": found[0]["address"]} if found else {})}


def create(request):
    settings, server = request["settings"], request["server"]
    print(json.dumps({"text": f"creating it from {settings['image']}"}), flush=True)
    marks = {
        "user.opsroom.portal": request["portal"],
        "user.opsroom.instance": server["id"],
        "user.opsroom.name": server["name"],
        "user.opsroom.template": server.get("template", ""),
        "limits.memory": settings.get("memory", "512MiB"),
        "limits.cpu": str(settings.get("cpus", 1)),
    }
    options = [option for key, value in marks.items() for option in ("--config", f"{key}={value}")]
    machine = ["--vm"] if settings.get("vm") else []
    incus("init", settings["image"], name_of(request), *machine, *options)


def apply(request):
    name, command, instance = name_of(request), request["command"], find(request)
    if command == "create" and instance is None:
        create(request)
    elif command == "create" and instance["config"].get("user.opsroom.portal") != request["portal"]:
        sys.exit(f"{name} exists already, and is not of this portal")
    elif command == "remove" and instance is not None:
        incus("delete", "--force", name)
    elif instance is None and command != "remove":
        sys.exit(f"there is no instance {name}")
    elif command == "restart":
        incus("restart", name)
    running = state_of(find(request))["state"] == "running"
    if not running and (command == "start" or (command == "create" and request["start"])):
        incus("start", name)
    elif running and command == "stop":
        incus("stop", name)
    return observe(request)


def observe(request):
    return state_of(find(request))


def list_servers(request):
    servers = []
    for one in json.loads(incus("list", f"user.opsroom.portal={request['portal']}", "--format=json")):
        config = one["config"]
        template = config.get("user.opsroom.template")
        described = {"name": config["user.opsroom.name"], **({"template": template} if template else {})}
        servers.append({"id": config["user.opsroom.instance"], **described, **state_of(one)})
    return {"servers": servers}


def adoptable(request):
    found = json.loads(incus("list", "--format=json"))
    unmanaged = [one for one in found if "user.opsroom.portal" not in one["config"]]
    return {
        "resources": [
            {
                "resource": one["name"],
                "name": one["name"],
                "description": one["config"].get("image.description") or one["type"],
                "state": state_of(one)["state"],
            }
            for one in unmanaged
        ]
    }


VERBS = {"apply": apply, "observe": observe, "list": list_servers, "adoptable": adoptable}

if __name__ == "__main__":
    verb, request = sys.argv[1], json.load(sys.stdin)
    print(json.dumps(VERBS[verb](request)))
