"""Fault injection: kill, stop, cut off and stall the portal's processes under load, and check the history."""
