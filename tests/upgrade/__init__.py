"""Tests of an upgrade: today's portal on data that an older release stored."""
