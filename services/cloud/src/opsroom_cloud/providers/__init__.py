"""Providers: the simulated one, and those behind agents."""
