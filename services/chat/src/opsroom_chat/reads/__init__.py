"""Read positions, and what is unread."""
