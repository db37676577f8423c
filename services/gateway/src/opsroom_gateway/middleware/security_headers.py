"""Security headers of every response."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_DATA: Final = "default-src 'none'; frame-ancestors 'none'"
_PAGE: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " connect-src *; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page may be configured to use any server, hence ``connect-src *``. Images of messages are ``blob:``."""
_DOCS: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of the documentation, whose search adds its own styles. It has no content of users."""
_DOCS_PATH: Final = "/docs/"
_WORKER: Final = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'"
"""Of the page's service worker, which loads the files of the page, and nothing from elsewhere."""
_WORKER_PATH: Final = "/service-worker.js"
_FILE: Final = "sandbox; default-src 'none'; frame-ancestors 'none'"
"""Of files that people have uploaded: should a browser ever run one, it has no rights here."""
_FILES_PATH: Final = "/api/v1/chat/files/"
_NOT_MODIFIED: Final = 304
_YEAR_SECONDS: Final = 31_536_000


class SecurityHeadersMiddleware:
    """Adds the headers to every HTTP response, and HSTS to those over TLS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, and add the headers to its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_ALWAYS)
                # A 304 has no content type, and its policy would replace the cached page's policy.
                if message["status"] != _NOT_MODIFIED:
                    headers["Content-Security-Policy"] = _policy(scope, headers.get("content-type", ""))
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = f"max-age={_YEAR_SECONDS}"
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _policy(scope: Scope, content_type: str) -> str:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    if path == _WORKER_PATH:
        return _WORKER
    if path.startswith(_FILES_PATH):
        return _FILE
    if not content_type.startswith("text/html"):
        return _DATA
    return _DOCS if path.startswith(_DOCS_PATH) else _PAGE
