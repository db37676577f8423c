"""The command line: ``opsroom chat``, ``opsroom servers``, ``opsroom status``."""
