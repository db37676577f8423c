"""WebSocket: the protocol of a connection after its upgrade, its handshake, and what endpoints use of it."""
