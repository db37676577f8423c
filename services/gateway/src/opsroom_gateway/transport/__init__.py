"""Sockets and protocols: WebSocket, HTTP, event streams, their encoding, heartbeats and limits."""
