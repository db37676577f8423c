"""Rules of the gateway that need no socket, clock or broker."""
