"""The course contract: the two Node.js course servers' routes, on top of today's services."""
