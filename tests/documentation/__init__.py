"""Tests of the documentation and of the commands in it."""
