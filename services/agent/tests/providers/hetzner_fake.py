"""A server that behaves as the API of Hetzner Cloud does, as far as its own client library can see."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "t" * 64
AFTER = {
    "create_server": "off",
    "start_server": "running",
    "shutdown_server": "off",
    "stop_server": "off",
    "reboot_server": "running",
}
COMMANDS = {
    "poweron": "start_server",
    "shutdown": "shutdown_server",
    "poweroff": "stop_server",
    "reboot": "reboot_server",
}
STATUS = {
    "rate_limit_exceeded": 429,
    "locked": 423,
    "protected": 423,
    "resource_limit_exceeded": 403,
    "uniqueness_error": 409,
    "not_found": 404,
    "unauthorized": 401,
    "invalid_input": 422,
    "server_error": 500,
}


class RefusalError(Exception):
    """A request is refused with this code."""


@dataclass
class HetznerFake:
    """The state of a project.

    Attributes:
        polls: how many requests an action takes until it has succeeded.
        refusals: codes with which the next changes are refused.
        lost: how many of the next changes are carried out without a reply.
        deaf: commands that a server's system ignores, such as ``shutdown_server``.
        requests: all requests that were understood, as ``POST /servers``.
    """

    polls: int = 2
    refusals: list[str] = field(default_factory=list)
    lost: int = 0
    deaf: set[str] = field(default_factory=set)
    url: str = ""
    requests: list[str] = field(default_factory=list)
    servers: dict[int, dict[str, Any]] = field(default_factory=dict)
    actions: dict[int, dict[str, Any]] = field(default_factory=dict)
    _ids: int = 100
    _waited: dict[int, int] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def count(self, command: str) -> int:
        """How many actions with this command there were."""
        return len([one for one in self.actions.values() if one["command"] == command])

    def add(self, name: str, **fields: Any) -> int:
        """Let there be a server."""
        with self._lock:
            self._new_server({"name": name, **fields}, "running")
            return self._ids

    def serve(self, method: str, target: str, token: str, body: Any) -> tuple[int, Any]:
        """Reply to a request: its status and body. A status of 0 means that there is no reply."""
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        with self._lock:
            try:
                if token != f"Bearer {TOKEN}":
                    raise RefusalError("unauthorized")
                self.requests.append(f"{method} {url.path}")
                self._tick()
                if method != "GET" and self.refusals:
                    raise RefusalError(self.refusals.pop(0))
                reply = self._route(method, url.path, query, body)
            except RefusalError as error:
                code = str(error)
                return STATUS[code], {"error": {"code": code, "message": f"refused: {code}", "details": None}}
            if method != "GET" and self.lost > 0:
                self.lost -= 1
                return 0, None
            return 201 if method == "POST" else 200, reply

    def _route(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        routes: tuple[tuple[str, str, Callable[..., Any]], ...] = (
            ("GET", r"/servers", lambda: self._list(query)),
            ("POST", r"/servers", lambda: self._create(body)),
            ("GET", r"/servers/(\d+)", lambda one: {"server": self._server(one)}),
            ("DELETE", r"/servers/(\d+)", lambda one: {"action": self._begin("delete_server", one)}),
            ("POST", r"/servers/(\d+)/actions/(\w+)", self._act),
            ("GET", r"/servers/(\d+)/actions", lambda one: self._list_actions(one, query)),
            ("GET", r"/actions/(\d+)", self._poll),
        )
        for verb, pattern, handle in routes:
            if verb == method and (match := re.fullmatch(pattern, path)):
                return handle(*match.groups())
        raise RefusalError("not_found")

    def _list(self, query: dict[str, str]) -> Any:
        found = [one for one in self.servers.values() if query.get("name") in {None, one["name"]}]
        for term in filter(None, query.get("label_selector", "").split(",")):
            found = [one for one in found if self._matches(one["labels"], term)]
        return self._page("servers", found, query)

    def _matches(self, labels: dict[str, str], term: str) -> bool:
        if term.startswith("!"):
            return term[1:] not in labels
        key, _, value = term.partition("==")
        return labels.get(key) == value

    def _page(self, name: str, found: list[Any], query: dict[str, str]) -> Any:
        page, size = int(query.get("page", "1")), int(query.get("per_page", "25"))
        if size > 50:
            raise RefusalError("invalid_input")
        last = max(1, -(-len(found) // size))
        pagination = {
            "page": page,
            "per_page": size,
            "previous_page": page - 1 if page > 1 else None,
            "next_page": page + 1 if page < last else None,
            "last_page": last,
            "total_entries": len(found),
        }
        shown = found[(page - 1) * size : page * size]
        return {name: shown, "meta": {"pagination": pagination}}

    def _server(self, server_id: str) -> dict[str, Any]:
        if int(server_id) not in self.servers:
            raise RefusalError("not_found")
        return self.servers[int(server_id)]

    def _new_server(self, body: dict[str, Any], status: str) -> dict[str, Any]:
        self._ids += 1
        ipv4 = {"id": 1, "ip": f"192.0.2.{self._ids % 250}", "blocked": False, "dns_ptr": ""}
        server = {
            "id": self._ids,
            "name": body["name"],
            "status": status,
            "created": "2026-01-01T00:00:00+00:00",
            "labels": body.get("labels", {}),
            "public_net": {"ipv4": ipv4, "ipv6": None, "floating_ips": [], "firewalls": []},
            "private_net": [],
            "server_type": {"id": 1, "name": body.get("server_type", "cx22"), "memory": 4.0},
            "image": None,
            "iso": None,
            "volumes": [],
            "protection": {"delete": False, "rebuild": False},
            "locked": False,
        }
        self.servers[self._ids] = server
        return server

    def _create(self, body: dict[str, Any]) -> Any:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", body["name"]):
            raise RefusalError("invalid_input")
        if any(one["name"] == body["name"] for one in self.servers.values()):
            raise RefusalError("uniqueness_error")
        server = self._new_server(body, "initializing")
        action = self._begin("create_server", str(server["id"]))
        starts = body.get("start_after_create", True)
        more = [self._begin("start_server", str(server["id"]))] if starts else []
        return {"server": server, "action": action, "next_actions": more, "root_password": None}

    def _act(self, server_id: str, verb: str) -> Any:
        if verb not in COMMANDS:
            raise RefusalError("not_found")
        return {"action": self._begin(COMMANDS[verb], server_id)}

    def _begin(self, command: str, server_id: str) -> dict[str, Any]:
        server = self._server(server_id)
        self._ids += 1
        action = {
            "id": self._ids,
            "command": command,
            "status": "running",
            "progress": 0,
            "started": "2026-01-01T00:00:00+00:00",
            "finished": None,
            "resources": [{"id": server["id"], "type": "server"}],
            "error": None,
        }
        self.actions[self._ids] = action
        return action

    def _poll(self, action_id: str) -> Any:
        action = self.actions.get(int(action_id))
        if action is None:
            raise RefusalError("not_found")
        return {"action": action}

    def _tick(self) -> None:
        """Let time pass, as it does between two requests."""
        for action in [one for one in self.actions.values() if one["status"] == "running"]:
            waited = self._waited[action["id"]] = self._waited.get(action["id"], 0) + 1
            action["progress"] = min(100, 100 * waited // self.polls)
            if action["progress"] == 100:
                self._finish(action)

    def _finish(self, action: dict[str, Any]) -> None:
        action |= {"status": "success", "progress": 100, "finished": "2026-01-01T00:00:01+00:00"}
        server_id = action["resources"][0]["id"]
        if action["command"] == "delete_server":
            self.servers.pop(server_id, None)
        elif server_id in self.servers and action["command"] not in self.deaf:
            self.servers[server_id]["status"] = AFTER[action["command"]]

    def _list_actions(self, server_id: str, query: dict[str, str]) -> Any:
        found = [one for one in self.actions.values() if one["resources"][0]["id"] == int(server_id)]
        found.sort(key=lambda one: one["id"], reverse=query.get("sort") == "id:desc")
        return self._page("actions", found, query)


@contextmanager
def hetzner_fake() -> Iterator[HetznerFake]:
    """Serve a new project on a free port."""
    fake = HetznerFake()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            token = self.headers.get("authorization", "")
            status, reply = fake.serve(self.command, self.path.removeprefix("/v1"), token, body)
            if status == 0:
                self.close_connection = True
                return
            data = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the names of the standard library

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the standard library
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()
