"""Search in messages: the index of their words, its upkeep, and the search that checks every hit."""
