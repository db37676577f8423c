"""Schedules: commands that are given at a time, or again and again."""
