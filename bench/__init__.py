"""Measurements of the whole portal: ``./opsroom bench``."""
