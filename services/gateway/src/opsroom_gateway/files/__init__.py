"""Files on their way between clients and the store."""
