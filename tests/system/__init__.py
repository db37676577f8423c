"""Tests of the portal as several processes."""
