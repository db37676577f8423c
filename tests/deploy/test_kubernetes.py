"""The chart renders to valid manifests, and the values for the NATS chart match the code."""

import importlib
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from opsroom_contracts.identity import Role
from opsroom_gateway.auth.static_tokens import parse_tokens
from opsroom_messaging.deployment.permissions import USERS
from tests.deploy.chart import CHART, ROOT, helm, part, refused, rendered

HETZNER = "agent.enabled=true,agent.env.AGENT_PROVIDER=hetzner,agent.tokenSecretName=hetzner"
KEEP = """
[ "$1 $2 $3" = "create secret generic" ]
for file in "${@:5}"; do
    file="${file#--from-file=}"
    cp "${file#*=}" "$HOME/$4:${file%%=*}"
done
"""


def test_values_for_the_chart_of_nats_are_those_of_the_code() -> None:
    made = runpy.run_path(str(ROOT / "nats_values.py"))["text"]()
    assert (ROOT / "nats-values.yaml").read_text() == made, "run deploy/kubernetes/nats_values.py"


def test_chart_has_no_faults() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


def test_manifests_have_what_was_asked_for() -> None:
    manifests = rendered("--set", "ingress.enabled=true", "--set", "chat.env.CHAT_ROOMS=general\\,ops")
    assert manifests.count("\nkind: Deployment") == 4
    # Of the five Deployments and of the pod that `helm test` starts.
    assert manifests.count("readOnlyRootFilesystem: true") == 6
    assert manifests.count("\nkind: HorizontalPodAutoscaler") == 1
    assert '{name: CHAT_ROOMS, value: "general,ops"}' in manifests
    assert "kind: Ingress" not in rendered()
    assert '{name: GATEWAY_TOKENS_FILE, value: "/tokens/tokens"}' in manifests
    assert 'secretName: "opsroom-tokens"' in manifests
    assert "opsroom-tokens" not in rendered("--set", "access.mode=open")


def test_gateways_serve_until_clients_know_of_another() -> None:
    manifests = rendered("--set", "preStopSeconds=7,chat.replicas=1")
    for component, grace in (("gateway", 37), ("frontend", 27)):
        deployment = part(manifests, "Deployment", f"opsroom-{component}")
        assert 'exec: {command: [sleep, "7"]}' in deployment
        assert f"terminationGracePeriodSeconds: {grace}\n" in deployment, "the pause is part of it"
    assert "preStop" not in part(manifests, "Deployment", "opsroom-cloud")
    budgets = re.findall(r"kind: PodDisruptionBudget\nmetadata:\n +name: (\S+)\n", manifests)
    assert sorted(budgets) == ["opsroom-cloud", "opsroom-frontend", "opsroom-gateway", "opsroom-incidents"]
    assert manifests.count("maxUnavailable: 1\n") == 4


def test_images_may_come_from_a_registry_that_asks_who_one_is() -> None:
    assert "imagePullSecrets" not in rendered()
    manifests = rendered("--set", "imagePullSecrets[0].name=ghcr")
    assert manifests.count("imagePullSecrets:\n        - name: ghcr\n") == 5


def test_the_recipe_makes_the_secrets_that_the_chart_asks_for(tmp_path: Path) -> None:
    recipe = (ROOT.parents[1] / "docs" / "operations.md").read_text().partition("## On Kubernetes")[2]
    commands = recipe.partition("```console\n")[2].partition("```")[0]
    (tmp_path / "bin").mkdir()
    # In place of a cluster: keeps what each key of a secret is read from, if that is there.
    for name, script in (("helm", "true"), ("kubectl", KEEP)):
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/bash\n{script}\n")
        program.chmod(0o755)
    environ = {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    script = f"set -e\n{re.sub(r'^[$] ', '', commands, flags=re.MULTILINE)}"
    script = script.replace(".venv/bin/python", sys.executable).replace("<you>", "you")
    subprocess.run(["bash", "-c", script], check=True, capture_output=True, timeout=60, env=environ)
    kept = {path.name for path in tmp_path.glob("opsroom-*:*")}
    assert kept == {f"opsroom-nats:{user}" for user in USERS} | {"opsroom-tokens:tokens"}
    tokens = parse_tokens((tmp_path / "opsroom-tokens:tokens").read_text().splitlines())
    assert {token.role for token in tokens} == {Role.OPERATOR, Role.ADMIN}


def test_health_and_metrics_are_at_a_port_that_only_who_watches_reaches() -> None:
    manifests = rendered("--set", "metrics.podMonitor=true")
    for service in ("GATEWAY", "CHAT", "CLOUD"):
        assert f'{{name: {service}_ADMIN_HOST, value: "0.0.0.0"}}' in manifests
        assert f'{{name: {service}_ADMIN_PORT, value: "9090"}}' in manifests
    assert manifests.count("{name: admin, containerPort: 9090}") == 3
    assert len(re.findall(r"httpGet: {path: /(?:healthz|readyz), port: admin}", manifests)) == 9
    assert manifests.count('prometheus.io/port: "9090"') == 3
    assert "targetPort: admin" not in manifests, "a Service would show it to everybody"
    assert manifests.count("\nkind: NetworkPolicy") == 4
    assert manifests.count("ports: [{port: admin}]") == 3
    assert manifests.count("\nkind: PodMonitor") == 1
    assert "NetworkPolicy" not in rendered("--set", "networkPolicy.enabled=false")


def test_an_agent_is_off_until_it_is_asked_for() -> None:
    assert "opsroom-agent" not in rendered()
    manifests = rendered("--set", HETZNER, "--set", "agent.templatesConfigMap=templates")
    agent = part(manifests, "Deployment", "opsroom-agent")
    for variable, value in (
        ("NATS_USER", "agent"),
        ("AGENT_PROVIDER", '"hetzner"'),
        ("AGENT_PORTAL", '"default-opsroom"'),
        ("AGENT_TEMPLATES", '"/templates/templates.toml"'),
        ("AGENT_HETZNER_TOKEN_FILE", '"/provider/token"'),
    ):
        assert f"{{name: {variable}, value: {value}}}" in agent
    assert "items: [{key: agent, path: nats-password}]" in agent
    assert "hostPath" not in manifests
    assert "name: opsroom-agent\n" in part(manifests, "NetworkPolicy", "opsroom-agent")
    assert "PodDisruptionBudget" not in manifests.partition("name: opsroom-agent")[0].rpartition("---")[2]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("agent.enabled=true", "AGENT_PROVIDER=: the chart runs agents for hetzner and simulated"),
        ("agent.enabled=true,agent.env.AGENT_PROVIDER=docker", "run one for docker or exec where"),
        ("agent.enabled=true,agent.env.AGENT_PROVIDER=hetzner", "needs agent.tokenSecretName"),
        ("agent.env.AGENT_PROVIDER=ec2", "at '/agent/env/AGENT_PROVIDER': value must be one of"),
        ("agent.env.AGENT_DOCKER_SOCKET=/x", "additional properties 'AGENT_DOCKER_SOCKET' not allowed"),
    ],
)
def test_an_agent_that_can_not_work_is_refused(given: str, words: str) -> None:
    assert words in refused("--set", given)


def test_manifests_fit_the_schemas_of_kubernetes() -> None:
    try:
        validate = importlib.import_module("kubernetes_validate").validate
        load_all = importlib.import_module("yaml").safe_load_all
    except ModuleNotFoundError:
        pytest.skip("kubernetes-validate is not installed: pip install kubernetes-validate")
    for manifest in load_all(
        rendered("--set", f"ingress.enabled=true,imagePullSecrets[0].name=ghcr,{HETZNER}")
    ):
        validate(manifest, "1.31", strict=True)
