"""Charges the work for clients behind a trusted proxy to their own addresses, not to the proxy's."""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_gateway.middleware.client_address import client_in
from opsroom_gateway.middleware.error_response import reject
from opsroom_gateway.transport.connection import connection_in
from opsroom_gateway.transport.input_budget import REQUEST_SECONDS, InputAccount, InputBudgets, metered
from opsroom_gateway.transport.websocket.connection import WebSocketConnection

_RETRY_SECONDS = 5.0


class InputBudgetMiddleware:
    """Lets requests through a proxy wait until their client's address has time.

    The server itself does this for clients that connect directly. It does not know for which client a proxy
    connects, so the share of a proxy is not limited. A request that waits for ``wait_seconds`` is rejected.
    """

    def __init__(self, app: ASGIApp, budgets: InputBudgets, wait_seconds: float = 10.0) -> None:
        self._app = app
        self._budgets = budgets
        self._wait_seconds = wait_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, at the client's cost."""
        if scope["type"] not in {"http", "websocket"} or not client_in(scope).proxied:
            await self._app(scope, receive, send)
            return
        client = client_in(scope)
        account = self._budgets.acquire(client.network, exempt=client.exempt)
        try:
            if not await self._has_turn(account):
                await reject(scope, receive, send, _busy(client.network))
                return
            _charge_socket(scope, account, self._budgets)
            await metered(self._call(scope, receive, send), account)
        finally:
            self._budgets.release(account)

    async def _has_turn(self, account: InputAccount) -> bool:
        try:
            async with asyncio.timeout(self._wait_seconds):
                await account.turn(REQUEST_SECONDS)
        except TimeoutError:
            return False
        return True

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _busy(network: str) -> Fault:
    message = f"requests from {network} have used up their share of the server's time; try again later"
    return Fault(code=ErrorCode.RATE_LIMITED, message=message, retry_after=_RETRY_SECONDS)


def _charge_socket(scope: Scope, account: InputAccount, budgets: InputBudgets) -> None:
    """Charge the messages of a socket to ``account``, too."""
    connection = connection_in(scope)
    if isinstance(connection, WebSocketConnection) and connection.connected:
        budgets.hold(account)
        connection.charge_to(account)
