"""Accepting commands: idempotency, names, templates, quotas and the audit log."""
