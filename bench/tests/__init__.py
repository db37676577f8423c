"""Tests of what judges the figures."""
