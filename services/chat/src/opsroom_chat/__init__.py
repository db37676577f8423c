"""The chat service of Opsroom."""
