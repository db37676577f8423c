"""Streams: reading, writing, subscribing, leases, the audit log."""
