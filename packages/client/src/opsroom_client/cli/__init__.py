"""The command line: ``opsroom chat``, ``opsroom servers``, ``opsroom rooms``, ``opsroom moderate``, ``opsroom completion``."""
