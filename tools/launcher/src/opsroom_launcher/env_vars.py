"""The environment variables that the bootstrap sets for the launcher."""

ROOT = "OPSROOM_ROOT"
"""The folder of the repository."""
STARTED = "OPSROOM_STARTED"
"""When `./opsroom` was started, in seconds since the epoch."""
