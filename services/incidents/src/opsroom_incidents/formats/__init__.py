"""Parsers of what other programs send to hooks. They are pure, and take a bounded time for any input."""
