"""The chart renders to what a cluster takes, and NATS's own chart is asked for what the code says."""

import importlib
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "deploy" / "kubernetes"
KUBERNETES = "1.31.0"


def helm(*arguments: str) -> str:
    """What helm prints; a test without it is skipped."""
    program = shutil.which("helm")
    if program is None:
        pytest.skip("helm is not on PATH: go install helm.sh/helm/v3/cmd/helm@latest")
    return subprocess.run(
        [program, *arguments], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def rendered(*arguments: str) -> str:
    """The chart's manifests."""
    return helm("template", "opsroom", str(ROOT / "opsroom"), "--kube-version", KUBERNETES, *arguments)


def test_values_for_the_chart_of_nats_are_those_of_the_code() -> None:
    made = runpy.run_path(str(ROOT / "nats_values.py"))["text"]()
    assert (ROOT / "nats-values.yaml").read_text() == made, "run deploy/kubernetes/nats_values.py"


def test_chart_has_no_faults() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(ROOT / "opsroom"))


def test_manifests_have_what_was_asked_for() -> None:
    manifests = rendered("--set", "ingress.enabled=true", "--set", "chat.env.CHAT_ROOMS=general\\,ops")
    assert manifests.count("\nkind: Deployment") == 4
    assert manifests.count("readOnlyRootFilesystem: true") == 4
    assert manifests.count("\nkind: HorizontalPodAutoscaler") == 1
    assert '{name: CHAT_ROOMS, value: "general,ops"}' in manifests
    assert "kind: Ingress" not in rendered()
    assert '{name: GATEWAY_TOKENS_FILE, value: "/tokens/tokens"}' in manifests
    assert "secretName: opsroom-tokens" in manifests
    assert "opsroom-tokens" not in rendered("--set", "access.mode=open")


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


def test_manifests_fit_the_schemas_of_kubernetes() -> None:
    try:
        validate = importlib.import_module("kubernetes_validate").validate
        load_all = importlib.import_module("yaml").safe_load_all
    except ModuleNotFoundError:
        pytest.skip("kubernetes-validate is not installed: pip install kubernetes-validate")
    for manifest in load_all(rendered("--set", "ingress.enabled=true")):
        validate(manifest, "1.31", strict=True)
