"""Threads that people follow, and what is unread in them."""
