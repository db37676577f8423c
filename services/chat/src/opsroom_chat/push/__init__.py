"""Notifications: what people want to be notified of, and Web Push to their devices."""
