"""`opsroom status` and `opsroom doctor`."""
