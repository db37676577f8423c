"""What the tests and the benchmark share: real processes, raw clients, waiting."""
