"""The portal's own processes: what `up` runs beside the broker, and with which environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from opsroom_launcher.options import UpOptions
from opsroom_launcher.portal.agent import agent_environ, provider_name
from opsroom_launcher.portal.banner import Addresses
from opsroom_launcher.portal.broker import users_folder
from opsroom_launcher.portal.data_dir import INDEX
from opsroom_launcher.portal.replicas import TOGETHER
from opsroom_launcher.supervision.child import ServiceSpec
from opsroom_messaging.deployment.private_files import agent_user, password_file

SERVICES = "services"
"""The process that runs several services on small machines."""
SERVICE_STOP_SECONDS = 10.0
SERVICES_STOP_SECONDS = 20.0
GATEWAY_STOP_SECONDS = 15.0
AGENT_STOP_SECONDS = 20.0


def service_specs(
    options: UpOptions, addresses: Addresses, token_line: str | None = None
) -> tuple[ServiceSpec, ...]:
    """The portal's own processes. The gateway drains first, while the services behind it still run.

    ``token_line``: of the admin's token, if there is one.
    """
    specs = _Specs(_environ(options, addresses, token_line), addresses.data)
    replicas = options.replicas
    agents: list[ServiceSpec] = []
    if options.agent is not None:
        agents = [_agent(specs, options.agent)]
    services = (
        [specs.together()]
        if options.small
        else [
            *specs.service("chat", replicas.chat, 1, SERVICE_STOP_SECONDS),
            *specs.service("cloud", replicas.cloud, 1, SERVICE_STOP_SECONDS),
            *specs.service("incidents", replicas.incidents, 1, SERVICE_STOP_SECONDS),
        ]
    )
    gateways = specs.service("gateway", replicas.gateway, 0, GATEWAY_STOP_SECONDS, reloads=True)
    return (*agents, *services, *gateways)


def _environ(options: UpOptions, addresses: Addresses, token_line: str | None) -> dict[str, str]:
    environ = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "NATS_URL": addresses.nats_url,
        "CLOUD_DELAY_SECONDS": f"{options.delay:g}",
        "GATEWAY_HOST": addresses.host,
        "GATEWAY_PORT": str(addresses.port),
        "GATEWAY_COURSE_PORTS": ",".join(map(str, addresses.course_ports)),
    }
    if addresses.data is not None:
        environ.setdefault("CHAT_INDEX_DIR", str(addresses.data.resolve() / INDEX))
    if options.access is not None:
        environ["GATEWAY_ACCESS"] = options.access
    if token_line is not None:
        environ["GATEWAY_TOKENS"] = ",".join(filter(None, (environ.get("GATEWAY_TOKENS"), token_line)))
    if addresses.page:
        environ.setdefault("GATEWAY_FRONTEND", str(addresses.page))
    environ.setdefault("LOG_FORMAT", "text")  # people read them, behind a prefix
    return environ


@dataclass(frozen=True, slots=True)
class _Specs:
    """Makes the specs. ``data``: the folder of the embedded broker; None with an external one."""

    environ: Mapping[str, str]
    data: Path | None

    def service(
        self, name: str, count: int, stop_order: int, grace: float, *, reloads: bool = False
    ) -> list[ServiceSpec]:
        """``count`` processes of a service."""
        own = {**self.environ, **_broker_user(name, self.data)}
        first = ServiceSpec(name, _python(f"opsroom_{name}"), own, stop_order, grace, reloads)
        if count == 1:
            return [first]
        return [
            replace(first, name=f"{name}-{number}", environ=own | _replica(name, number, own))
            for number in range(1, count + 1)
        ]

    def together(self) -> ServiceSpec:
        """The one process of all services behind the gateway. Each keeps its own user at the broker."""
        users = {
            f"{name.upper()}_{variable}": value
            for name in TOGETHER
            for variable, value in _broker_user(name, self.data).items()
        }
        argv = _python(f"opsroom_launcher.{SERVICES}")
        return ServiceSpec(SERVICES, argv, {**self.environ, **users}, 1, SERVICES_STOP_SECONDS)


def _python(module: str) -> tuple[str, ...]:
    # -P: a module in the working directory, such as json.py, must not shadow the library's.
    return (sys.executable, "-P", "-m", module)


def _agent(specs: _Specs, kind: str) -> ServiceSpec:
    (agent,) = specs.service("agent", 1, 1, AGENT_STOP_SECONDS)
    settings = agent_environ(kind, specs.data, specs.environ)
    user = _broker_user(agent_user(provider_name(kind, specs.environ)), specs.data)
    return replace(agent, environ={**agent.environ, **settings, **user})


def _replica(name: str, number: int, environ: Mapping[str, str]) -> dict[str, str]:
    """Variables of one of several replicas: each admin port is one more than the last."""
    variable = f"{name.upper()}_ADMIN_PORT"
    first = environ.get(variable, "")
    own = {variable: str(int(first) + number - 1)} if first.isascii() and first.isdigit() else {}
    return own | ({"GATEWAY_SHARED_PORT": "true"} if name == "gateway" else {})


def _broker_user(name: str, data: Path | None) -> dict[str, str]:
    """The credentials for the embedded broker. For an external one the environment has them."""
    if data is None:
        return {}
    password = password_file(users_folder(data.resolve()), name)
    return {"NATS_USER": name, "NATS_PASSWORD_FILE": str(password)}
