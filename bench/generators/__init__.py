"""Load generators, each in its own process, which gets a plan and returns figures as JSON."""
