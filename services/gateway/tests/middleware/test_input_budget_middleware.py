"""Requests through a trusted proxy are charged to the client that the proxy names."""

import httpx

from opsroom_gateway.middleware.client_address import ClientAddressMiddleware
from opsroom_gateway.middleware.input_budget import InputBudgetMiddleware
from opsroom_gateway.middleware.trusted_proxies import parse_proxies
from opsroom_gateway.transport.input_budget import InputBudgets, InputRate
from services.gateway.tests.kit.app_server import serving_app
from services.gateway.tests.transport.http.scripted_app import App

BUSY, OTHER = "203.0.113.5", "203.0.113.6"


async def test_a_client_behind_a_proxy_waits_for_its_own_share_and_no_longer_than_the_limit() -> None:
    app, budgets = App(), InputBudgets(InputRate(share=0.001, burst_seconds=0.01))
    account = budgets.acquire(BUSY, exempt=False)
    account.charge(3600)
    budgeted = InputBudgetMiddleware(app, budgets, wait_seconds=0.05)
    outer = ClientAddressMiddleware(budgeted, exempt=(), proxies=parse_proxies(("127.0.0.0/8",)))
    async with serving_app(outer) as server, httpx.AsyncClient(timeout=30) as client:
        url = f"http://127.0.0.1:{server.port}/ok"
        refused = await client.get(url, headers={"X-Forwarded-For": BUSY})
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert "Retry-After" in refused.headers
        served = await client.get(url, headers={"X-Forwarded-For": OTHER})
        assert served.text == "ok"
    assert [dict(scope["headers"])[b"x-forwarded-for"] for scope in app.scopes] == [OTHER.encode()]
    assert account.holders == 1
