"""Rooms that not everybody is in: their records, and the rooms of each person."""
