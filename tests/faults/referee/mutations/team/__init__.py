"""Ways to break a correct history of a team."""
