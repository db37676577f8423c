"""Everything that Opsroom's processes do with NATS; the only package that imports the client."""
