"""The command line: ``opsroom chat``, ``servers``, ``rooms``, ``moderate`` and ``completion``."""
