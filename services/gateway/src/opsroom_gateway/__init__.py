"""The gateway service of Opsroom."""
