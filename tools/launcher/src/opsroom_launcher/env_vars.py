"""What the bootstrap tells the launcher, as environment variables."""

ROOT = "OPSROOM_ROOT"
"""Where the repository is."""
STARTED = "OPSROOM_STARTED"
"""When `./opsroom` was typed, in seconds since the epoch."""
