"""The course contract: the routes of the two Node.js course servers, on top of today's services."""
