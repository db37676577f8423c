"""Import of rooms and messages of another chat."""
