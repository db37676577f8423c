"""Simulated clients, and the recorder of what happens to them."""
