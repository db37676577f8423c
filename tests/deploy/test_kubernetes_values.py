"""Wrong values of the chart are refused by name, and the notes say what was installed."""

import json
import re
import runpy
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.chart import CHART, KUBERNETES, ROOT, helm, part, refused, rendered


def test_schema_of_the_chart_is_that_of_the_settings() -> None:
    made = runpy.run_path(str(ROOT / "values_schema.py"))["text"]()
    assert (ROOT / "opsroom" / "values.schema.json").read_text() == made, (
        "run deploy/kubernetes/values_schema.py"
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("chat.replicas=zero", "at '/chat/replicas': got string, want integer"),
        ("chat.replicas=0", "at '/chat/replicas': minimum: got 0, want 1"),
        ("chat.replicas=1001", "at '/chat/replicas': maximum: got 1,001, want 1,000"),
        ("access.mode=tokens", "at '/access/mode': value must be one of 'open', 'token', 'oidc'"),
        ("gateway.env.GATEWAY_NOPE=1", "at '/gateway/env': additional properties 'GATEWAY_NOPE' not allowed"),
        ("gateway.env.GATEWAY_PORT=1", "at '/gateway/env': additional properties 'GATEWAY_PORT' not allowed"),
        ("gateway.env.CHAT_ROOMS=ops", "at '/gateway/env': additional properties 'CHAT_ROOMS' not allowed"),
        ("gateway.replicas=2", "at '/gateway': additional properties 'replicas' not allowed"),
        ("gatway.env.GATEWAY_GUESTS=true", "at '': additional properties 'gatway' not allowed"),
        ("cloud.resources.limits.memory=lots", "at '/cloud/resources/limits/memory': 'lots' does not match"),
        ("cloud.resources.limits.cpu=-1", "at '/cloud/resources/limits/cpu': minimum: got -1, want 0"),
        ("cloud.env.CLOUD_FAILURE_RATE=2", "at '/cloud/env/CLOUD_FAILURE_RATE': maximum: got 2, want 1"),
        ("cloud.env.CLOUD_FAILURE_RATE=some", "at '/cloud/env/CLOUD_FAILURE_RATE': 'some' does not match"),
        ("chat.env.LOG_LEVEL=LOUD", "at '/chat/env/LOG_LEVEL': value must be one of 'DEBUG', 'INFO'"),
        ("nats.url=http://nats", "at '/nats/url': 'http://nats' does not match"),
        ("nats.url=", "at '/nats/url': '' does not match"),
        ("nats.streamReplicas=6", "at '/nats/streamReplicas': maximum: got 6, want 5"),
        ("trustedProxies=everybody", "at '/trustedProxies': 'everybody' does not match"),
        ("access.allowedOrigins=you.example", "at '/access/allowedOrigins': 'you.example' does not match"),
        ("ingress.host=", "at '/ingress/host': '' does not match"),
        ("imagePullSecrets[0].nam=ghcr", "at '/imagePullSecrets/0': missing property 'name'"),
        ("gateway.env=null", "at '/gateway': missing property 'env'"),
        ("ingress=null", "at '': missing property 'ingress'"),
        ("networkPolicy.metricsFrom=null", "at '/networkPolicy': missing property 'metricsFrom'"),
        (
            "gateway.autoscaling.minReplicas=11",
            "minReplicas=11 is more than gateway.autoscaling.maxReplicas=10",
        ),
        ("access.mode=oidc", "access.mode=oidc needs gateway.env.GATEWAY_OIDC_ISSUER"),
    ],
)
def test_wrong_values_are_refused_by_name(given: str, words: str) -> None:
    assert words in refused("--set", given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("chat.replicas=1", "replicas: 1\n"),
        ("chat.replicas=1000", "replicas: 1000\n"),
        ("gateway.autoscaling.minReplicas=10", "minReplicas: 10\n"),
        ("nats.streamReplicas=5", '{name: STREAM_REPLICAS, value: "5"}'),
        ("preStopSeconds=0", 'exec: {command: [sleep, "0"]}'),
        ("startWaitSeconds=3600", '{name: START_WAIT_SECONDS, value: "3600"}'),
        ("cloud.env.CLOUD_FAILURE_RATE=1", '{name: CLOUD_FAILURE_RATE, value: "1"}'),
        ("cloud.env.CLOUD_FAILURE_RATE=0.5", '{name: CLOUD_FAILURE_RATE, value: "0.5"}'),
        ("chat.env.CHAT_RETENTION_BYTES=1000000", '{name: CHAT_RETENTION_BYTES, value: "1000000"}'),
        ("gateway.env.GATEWAY_GUESTS=false", '{name: GATEWAY_GUESTS, value: "false"}'),
        ("gateway.env.OTEL_TRACES_SAMPLER_ARG=1", '{name: OTEL_TRACES_SAMPLER_ARG, value: "1"}'),
        ("cloud.resources.limits.memory=1e9", 'memory: "1e9"\n'),
        ("cloud.resources.limits.memory=1.5Ti", "memory: 1.5Ti\n"),
        ("cloud.resources.limits=null", "cpu: 100m\n"),
        ("nats.url=nats://a:4222\\, tls://b", '{name: NATS_URL, value: "nats://a:4222, tls://b"}'),
        ("trustedProxies=private\\,cloudflare", 'GATEWAY_TRUSTED_PROXIES, value: "private,cloudflare"'),
        ("access.allowedOrigins=tauri://localhost", 'ALLOWED_ORIGINS, value: "tauri://localhost"'),
    ],
)
def test_values_at_the_limit_and_of_every_form_are_accepted(given: str, words: str) -> None:
    assert words in rendered("--set", given)


def test_numbers_of_a_file_stay_whole(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("chat: {env: {CHAT_RETENTION_BYTES: 4294967296}}\n")
    assert '{name: CHAT_RETENTION_BYTES, value: "4294967296"}' in rendered("--values", str(values))


def test_names_that_yaml_reads_otherwise_stay_text() -> None:
    """A host with a wildcard would be an alias, and a secret's name of digits a number."""
    manifests = rendered(
        "--set",
        "ingress.enabled=true,ingress.host=*.opsroom.example",
        "--set-string",
        "ingress.tlsSecretName=1,ingress.className=2,nats.secretName=3",
        "--set-string",
        "access.tokensSecretName=4,imagePullSecrets[0].name=5",
    )
    ingress = part(manifests, "Ingress", "opsroom")
    assert '- host: "*.opsroom.example"\n' in ingress
    assert 'tls: [{secretName: "1", hosts: ["*.opsroom.example"]}]\n' in ingress
    assert 'ingressClassName: "2"\n' in ingress
    assert manifests.count('secretName: "3"\n') == 3
    assert manifests.count('secretName: "4", ') == 1
    assert manifests.count('- name: "5"\n') == 5, "four Deployments and the pod of helm test"


def test_everything_that_the_recipe_sets_is_accepted() -> None:
    recipe = (ROOT.parents[1] / "docs" / "operations.md").read_text().partition("## On Kubernetes")[2]
    recipe = recipe.partition("\n## ")[0].replace("<you>", "you")
    commands = re.findall(
        r"^[$] helm (?:install|upgrade) opsroom deploy/kubernetes/opsroom (.*)$", recipe, re.M
    )
    assert len(commands) == 2
    for command in commands:
        rendered(*shlex.split(command.replace("--reuse-values", "")))
    assert re.findall(r"up to (\d+) s \(`startWaitSeconds`\)", recipe) == re.findall(
        r"\nstartWaitSeconds: (\d+)\n", (CHART / "values.yaml").read_text()
    ), "the default"
    for value in ("access.mode=open", "metrics.podMonitor=true"):
        assert value in recipe
        rendered("--set", value)
    assert '`nginx.ingress.kubernetes.io/proxy-buffering: "off"`' in recipe
    annotation = r"ingress.annotations.nginx\.ingress\.kubernetes\.io/proxy-buffering=off"
    manifests = rendered("--set", f"ingress.enabled=true,{annotation}")
    assert 'nginx.ingress.kubernetes.io/proxy-buffering: "off"\n' in manifests


FORWARD = "kubectl -n ops port-forward service/opsroom-frontend 8080:80"
SHOW_NOTES = """kind: Notes
text: {{ tpl (.Files.Get "NOTES.txt") . | toJson }}
"""


@pytest.fixture
def notes(tmp_path: Path) -> Callable[[str], str]:
    """What helm says after an installation with the values given.

    `helm template` shows no notes, and `helm install` needs a cluster, even for a dry run. So a copy of the
    chart has them in a manifest.
    """
    chart = tmp_path / "opsroom"
    shutil.copytree(CHART, chart)
    (chart / "templates" / "NOTES.txt").rename(chart / "NOTES.txt")
    (chart / "templates" / "notes.yaml").write_text(SHOW_NOTES)
    show = ("--kube-version", KUBERNETES, "--namespace", "ops", "--show-only", "templates/notes.yaml")

    def said(values: str) -> str:
        manifest = helm("template", "opsroom", str(chart), *show, "--set", values)
        text: str = json.loads(manifest.partition("\ntext: ")[2])
        return text

    return said


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("ingress.enabled=false", "http://127.0.0.1:8080/ is the page"),
        ("ingress.enabled=true", "     http://opsroom.example/\n"),
        ("ingress.enabled=true,ingress.tlsSecretName=cert", "     https://opsroom.example/\n"),
        ("ingress.enabled=true,ingress.host=ops.example", "     http://ops.example/\n"),
    ],
)
def test_notes_say_where_the_page_is(notes: Callable[[str], str], given: str, address: str) -> None:
    text = notes(given)
    assert address in text
    assert (FORWARD in text) is ("enabled=false" in given)
    assert len(re.findall(r"https?://[a-z0-9.:]+/", text)) == 1, "one address and no other"


ACCESS = {"open": "Access is open", "token": "Access is by token", "oidc": "Access is by single sign-on"}


@pytest.mark.parametrize(
    ("mode", "given", "words"),
    [
        ("open", "access.mode=open", "choose access.mode=token or access.mode=oidc"),
        ("token", "access.mode=token,access.tokensSecretName=people-1", "\n   people-1 (key tokens)"),
        (
            "oidc",
            "access.mode=oidc,gateway.env.GATEWAY_OIDC_ISSUER=https://sso.example,gateway.env.GATEWAY_OIDC_CLIENT_ID=me",
            "single sign-on at https://sso.example.\n",
        ),
    ],
)
def test_notes_say_how_to_sign_in(notes: Callable[[str], str], mode: str, given: str, words: str) -> None:
    text = notes(f"{given},nats.secretName=broker-1,startWaitSeconds=7")
    assert words in text
    assert [name for name, phrase in ACCESS.items() if phrase in text] == [mode]
    assert "from the secret broker-1 (keys gateway, chat and cloud)" in text
    assert "wait up to 7 s for NATS at nats://nats:4222" in text
    assert "helm -n ops test opsroom\n" in text
