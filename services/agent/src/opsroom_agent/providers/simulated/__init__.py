"""The simulated provider: servers that exist in a state file only, for tests, demos and the fault suite."""
