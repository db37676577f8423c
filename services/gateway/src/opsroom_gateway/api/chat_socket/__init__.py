"""The chat WebSocket of ``/api/v1``."""
