"""The chat: models and requests, stored events, frames of clients, and moderation."""
