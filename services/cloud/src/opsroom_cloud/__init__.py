"""The cloud service of Opsroom."""
