"""Domain rules of the cloud: pure functions without I/O, clock or randomness."""
