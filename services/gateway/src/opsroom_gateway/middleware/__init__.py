"""ASGI middleware: client addresses, origins, request limits, rate limits, security headers."""
