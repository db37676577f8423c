"""The servers in `/api/v1`: their list and events, commands, logs and what providers offer."""
