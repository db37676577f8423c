"""The cases that a fuzz session draws."""
