"""Webhooks: their records, and the delivery of events to other programs."""
