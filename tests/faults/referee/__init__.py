"""Tests of the referee, with made-up histories."""
