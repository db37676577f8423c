"""The command line: ``opsroom chat``, ``opsroom servers``, ``opsroom moderate``, ``opsroom completion``."""
