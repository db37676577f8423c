"""The NATS connection, requests and microservices."""
