"""The cloud: the table of commands, models and requests, and stored events."""
