"""JetStream: reading, writing, subscriptions, leases and the audit log."""
