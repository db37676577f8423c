"""Opsroom as it is installed from wheels: the command ``opsroom`` and the built page."""
