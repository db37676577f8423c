"""Instances as they are stored: events, their projection, and their retention."""
