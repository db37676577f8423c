"""``GET /api/v1/search``: messages, servers and the Worklog in one reply."""
