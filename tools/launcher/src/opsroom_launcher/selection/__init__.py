"""Which portal a command is about, and where its gateway, data and broker are."""
