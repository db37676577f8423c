"""Pure rules of the course contract: parsing of frames, and which socket belongs to which user."""
