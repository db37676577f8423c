"""`opsroom up`: the parts of a running portal, and their composition."""
