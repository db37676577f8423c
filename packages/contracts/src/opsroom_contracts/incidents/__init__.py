"""Contracts of the incident loop: cards, and what the service ``incidents`` stores and replies."""
