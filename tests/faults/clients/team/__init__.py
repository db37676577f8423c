"""A team: people with two devices, who use everything that the chat can do."""
