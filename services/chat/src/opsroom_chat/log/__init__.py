"""The message log: guarded writes to few subjects, and the index that finds a message by its id."""
