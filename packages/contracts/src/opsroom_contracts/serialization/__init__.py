"""The base model, JSON encoding and decoding, and versions of stored payloads."""
