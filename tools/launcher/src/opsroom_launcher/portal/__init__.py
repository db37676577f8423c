"""`opsroom up`: the parts of a running portal, and how they are put together."""
