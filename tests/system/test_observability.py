"""A message followed through all processes by traces, metrics and logs."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from opsroom_client import Opsroom, RequestRejectedError
from opsroom_runtime.tracing import ENDPOINT, NoTracer, tracer_for
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.ports import free_port
from opsroom_testkit.processes import gateway, service
from opsroom_testkit.waiting import until, until_answer
from tests.system.metric_families import FAMILIES, families_in

OBSERVE = Path(__file__).parents[2] / "deploy" / "observe"
MESSAGE = [
    "gateway: frame send",
    "gateway: ask chat.send",
    "chat: answer chat.send",
    "chat: store chat.events",
    "gateway: take CHAT",
]
COMMAND = [
    "gateway: ask cloud.create",
    "cloud: answer cloud.create",
    "cloud: store cloud.events",
    "gateway: take CLOUD",
]


@dataclass(frozen=True)
class Span:
    """A span, as exported to the collector."""

    service: str
    name: str
    trace: bytes
    id: bytes
    parent: bytes


@dataclass
class Collector:
    """A fake collector, which keeps the spans that it receives over OTLP."""

    spans: list[Span] = field(default_factory=list)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the requests of a connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                size = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
                self._keep(ExportTraceServiceRequest.FromString(await reader.readexactly(size)))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            writer.close()

    def _keep(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            names = [a.value.string_value for a in resource.resource.attributes if a.key == "service.name"]
            self.spans += [
                Span(names[0], span.name, span.trace_id, span.span_id, span.parent_span_id)
                for scope in resource.scope_spans
                for span in scope.spans
            ]

    def ways(self, name: str) -> list[list[str]]:
        """Return the path of each span called ``name``: services and spans from the root on."""
        return [self._way(span) for span in self.spans if span.name == name]

    def _way(self, span: Span) -> list[str]:
        above = next((other for other in self.spans if other.id == span.parent), None)
        hop = f"{span.service.removeprefix('opsroom-')}: {span.name}"
        return [*(self._way(above) if above else []), hop]


@asynccontextmanager
async def collecting() -> AsyncIterator[tuple[Collector, str]]:
    collector = Collector()
    server = await asyncio.start_server(collector.take, "127.0.0.1", 0)
    async with server:
        yield collector, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def families(port: int) -> list[Metric]:
    """The metrics at an admin port."""
    async with httpx.AsyncClient(timeout=30) as client:
        page = await client.get(f"http://127.0.0.1:{port}/metrics", headers={"Accept": "text/plain"})
    return list(text_string_to_metric_families(page.text))


def numbers(found: list[Metric]) -> dict[str, float]:
    """Values by name and label values, such as ``answer_seconds_count ok chat.send``."""
    return {
        " ".join(
            (sample.name.removeprefix("opsroom_"), *(value for _, value in sorted(sample.labels.items())))
        ): sample.value
        for family in found
        for sample in family.samples
    }


async def test_one_message_and_one_command_are_seen_everywhere(
    broker_process: BrokerProcess, tmp_path: Path
) -> None:
    ports = {name: free_port() for name in ("chat", "cloud", "agent", "incidents", "gateway")}
    async with collecting() as (collector, endpoint):
        environ = {
            "NATS_URL": broker_process.url,
            "CLOUD_DELAY_SECONDS": "0.2",
            ENDPOINT: endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "AGENT_PROVIDER": "simulated",
            **{f"{name.upper()}_ADMIN_PORT": str(port) for name, port in ports.items()},
        }
        async with (
            service("chat", tmp_path, **environ),
            service("cloud", tmp_path, **environ),
            service("incidents", tmp_path, **environ),
            service("agent", tmp_path, **environ),
            gateway(tmp_path, **environ) as (process, port),
            Opsroom(f"http://127.0.0.1:{port}") as opsroom,
        ):

            async def agent_acts() -> bool:
                return numbers(await families(ports["agent"]))["agent_active"] == 1

            me = await opsroom.register("alice")
            async with opsroom.chat(me.token) as chat:
                with pytest.raises(RequestRejectedError):
                    await opsroom.register("alice")
                await chat.send("hello")
                seq = (await opsroom.cloud.instances()).seq
                async with opsroom.cloud.follow(seq) as changes:
                    waiting = asyncio.ensure_future(anext(changes))
                    await opsroom.cloud.finished(await opsroom.cloud.create(), seq)
                    await waiting
                    await until_answer(agent_acts, bool)
                    found = await asyncio.gather(*map(families, ports.values()))
            for name, wanted in (("take CHAT", MESSAGE), ("take CLOUD", COMMAND)):
                await until(lambda name=name, wanted=wanted: wanted in collector.ways(name))  # type: ignore[misc]
            lines = [json.loads(line) for line in process.log.read_text().splitlines()]
            assert {line["service"] for line in lines} == {"gateway"}

    pages = dict(zip(ports, found, strict=True))
    assert {name: families_in(page, name) for name, page in pages.items()} == FAMILIES
    seen = {name: numbers(page) for name, page in pages.items()}
    assert seen["chat"]["answer_seconds_count ok chat.send"] == 1
    assert seen["chat"]["store_seconds_count chat.events"] == 1
    assert seen["cloud"]["answer_seconds_count ok cloud.create"] == 1
    assert seen["cloud"]["operation_late_seconds_count create created"] == 1
    assert seen["cloud"]["instances"] == 1
    assert seen["cloud"]["operations_pending"] == 0
    gateway_saw = seen["gateway"]
    assert gateway_saw["request_seconds_count ok chat.send"] == 1
    assert gateway_saw["connections v1 websocket"] == 1
    assert gateway_saw["connections v1 sse"] == 1
    assert gateway_saw["deliveries_total v1 chat websocket"] == 1
    assert gateway_saw["delivered_bytes_total v1 chat websocket"] > 100
    assert gateway_saw["fanout_seconds_count chat"] == 1
    assert gateway_saw["people_present"] == 1
    assert gateway_saw["refusals_total name_taken"] == 1
    counted = {key.split(" ")[0] for values in seen.values() for key in values}
    assert shown_on_the_dashboard() - counted == set()
    for name, values in seen.items():
        assert values["nats_connected"] == 1, name
        assert values["nats_troubles_total slow_consumer"] == 0, name


def shown_on_the_dashboard() -> set[str]:
    """Return the names of metrics in the dashboard and the alerts."""
    files = [*OBSERVE.glob("*.yml"), *OBSERVE.rglob("*.json")]
    return {name for file in files for name in re.findall(r"opsroom_(\w+)", file.read_text())}


def test_traces_are_off_until_a_collector_is_named() -> None:
    assert isinstance(tracer_for("chat", {}), NoTracer)
    assert tracer_for("chat", {ENDPOINT: "http://127.0.0.1:9"}).enabled


@pytest.mark.parametrize(("variable", "value"), [("LOG_LEVEL", "loud"), ("LOG_FORMAT", "xml")])
async def test_a_setting_that_can_not_be_is_one_line(tmp_path: Path, variable: str, value: str) -> None:
    async with service("chat", tmp_path, **{variable: value}) as process:
        assert await process.ended() == 78
        assert process.log.read_text().count("\n") == 1
