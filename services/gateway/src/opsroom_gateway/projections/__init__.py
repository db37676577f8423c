"""In-memory views of streams, kept current by subscriptions."""
