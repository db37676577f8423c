"""Agents: what they run for the portal, the protocol with them, and what they say about themselves."""
