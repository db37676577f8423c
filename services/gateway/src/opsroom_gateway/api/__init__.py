"""The HTTP and WebSocket API ``/api/v1``."""
