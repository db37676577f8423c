"""The connection to NATS: connecting, requests, microservices."""
