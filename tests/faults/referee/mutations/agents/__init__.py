"""Faults of servers behind agents."""
