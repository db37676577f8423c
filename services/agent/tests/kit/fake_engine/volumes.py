"""The volumes of the fake engine: names with labels."""

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.agent.tests.kit.fake_engine.faults import error


class FakeVolumes:
    """The volumes, which hold nothing."""

    def __init__(self) -> None:
        self._labels: dict[str, dict[str, str]] = {}

    def routes(self) -> list[Route]:
        """The part of the API that is about them."""
        return [
            Route("/volumes/create", self._create, methods=["POST"]),
            Route("/volumes", self._list),
            Route("/volumes/{name}", self._remove, methods=["DELETE"]),
        ]

    async def _create(self, request: Request) -> Response:
        """Create a volume; one that exists stays as it is, and is the reply."""
        body = await request.json()
        labels = self._labels.setdefault(body["Name"], body.get("Labels") or {})
        return JSONResponse({"Name": body["Name"], "Labels": labels}, 201)

    async def _list(self, request: Request) -> Response:
        wanted = json.loads(request.query_params.get("filters", "{}")).get("label", [])
        found = [
            {"Name": name, "Labels": labels}
            for name, labels in self._labels.items()
            if all(label in labels for label in wanted)
        ]
        return JSONResponse({"Volumes": found, "Warnings": None})

    async def _remove(self, request: Request) -> Response:
        name = request.path_params["name"]
        if self._labels.pop(name, None) is None:
            return error(404, f"get {name}: no such volume")
        return Response(status_code=204)
