"""Kills the brokers and stops the services: ``.venv/bin/python -m tests.containers.outage`` (needs Docker).

With one broker and with three: services that stop while their broker is away, and services whose broker is
killed and started again while people use them. Each must end with exit code 0 and without a traceback in its
log. The images of the project ``opsroom-check`` must be built (``COMPOSE_PROJECT_NAME=opsroom-check docker
compose build``). Removes everything at the end.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.containers.brokers import CLUSTER
from tests.containers.steps import LIST, NAMED, WEB, require, run, step, until_ready

SERVICES = ("chat", "cloud", "gateway", "incidents")
ONE: tuple[str, ...] = ()
NOISE = ("Traceback", "never retrieved", "never awaited", '"level": "error"', '"level": "critical"')
"""What no log shows of a service that stops in order."""
_ANSWER_SECONDS = 15.0


class Portal:
    """The portal with the brokers that ``settings`` ask for."""

    def __init__(self, settings: tuple[str, ...]) -> None:
        self._settings = settings
        self.brokers = ("nats", "nats-2", "nats-3") if settings else ("nats",)

    def compose(self, *arguments: str) -> str:
        """``docker compose`` with the settings."""
        return run("docker", "compose", *self._settings, *arguments)

    def stop_services(self) -> None:
        """Stop the services, and look at how they ended."""
        self.compose("stop", *SERVICES)
        for service in SERVICES:
            (container,) = self.compose("ps", "-aq", service).split()
            code = run("docker", "inspect", "-f", "{{.State.ExitCode}}", container).strip()
            logged = self.compose("logs", "--no-log-prefix", service)
            require(code == "0", f"{service} exited with {code}:\n{logged[-3000:]}")
            found = [word for word in NOISE if word in logged]
            require(not found, f"{service} logged {found}:\n{logged[-3000:]}")


def ask(times: int) -> None:
    """Create instances and register people, whatever the answer is."""
    with httpx.Client(timeout=_ANSWER_SECONDS, headers=NAMED) as client:
        for number in range(times):
            try:
                client.post(LIST)
                client.post(f"{WEB}/api/v1/chat/users", json={"name": f"somebody {number}"})
            except httpx.TransportError:
                continue


@contextmanager
def traffic() -> Iterator[None]:
    """Somebody who asks without a pause as long as this lasts."""
    over = threading.Event()

    def ask_on() -> None:
        while not over.is_set():
            ask(1)

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()


def stopped_without_a_broker(portal: Portal) -> None:
    """Kill the brokers, ask for something, stop the services."""
    portal.compose("kill", *portal.brokers)
    ask(2)
    portal.stop_services()


def stopped_after_an_outage(portal: Portal) -> None:
    """Under traffic: kill the brokers, start them again, wait for the portal, stop the services."""
    with traffic(), httpx.Client(timeout=_ANSWER_SECONDS, headers=NAMED) as client:
        portal.compose("kill", *portal.brokers)
        portal.compose("up", "-d", "--wait", "--no-recreate", *portal.brokers)
        until_ready(client)
        portal.stop_services()


def drive(settings: tuple[str, ...]) -> None:
    """All steps with one kind of brokers; what was started is removed whatever happens."""
    portal = Portal(settings)
    many = f"{len(portal.brokers)} broker(s)"
    try:
        with httpx.Client(timeout=_ANSWER_SECONDS, headers=NAMED) as client:
            with step(f"{many}: up --wait"):
                portal.compose("up", "-d", "--wait")
                until_ready(client)
            with step(f"{many}: killed, a few requests, services stopped"):
                stopped_without_a_broker(portal)
            with step(f"{many}: up --wait again"):
                portal.compose("up", "-d", "--wait")
                until_ready(client)
            with step(f"{many}: killed and started again under traffic, services stopped"):
                stopped_after_an_outage(portal)
    finally:
        portal.compose("down", "-v", "--remove-orphans")


def main() -> None:
    """One broker, then three."""
    drive(ONE)
    drive(CLUSTER)


if __name__ == "__main__":
    main()
