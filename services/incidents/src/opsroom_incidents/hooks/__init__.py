"""Hooks: their records and secrets, and what is sent to them."""
