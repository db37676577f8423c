"""The faults: which happen when, and how each is injected."""
