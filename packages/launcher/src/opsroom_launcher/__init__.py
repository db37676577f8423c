"""Opsroom's launcher."""
