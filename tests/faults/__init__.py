"""Kills, stops, cuts and stalls the portal's real processes under load, and judges what its clients saw."""
