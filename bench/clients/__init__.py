"""The benchmark's clients: as cheap as possible, so that the load generator is not the limit."""
