"""The NATS connection, request/reply and JetStream; the only package that imports nats-py."""
