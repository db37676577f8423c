"""Agents as the gateway needs them: requests, and the logs and statistics of servers for their readers."""
