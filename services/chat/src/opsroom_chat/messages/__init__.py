"""Messages: stored, read, and looked up in the past."""
