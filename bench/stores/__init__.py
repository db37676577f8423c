"""Chat servers that store each message, to compare the portal with: their setup, start and clients."""
