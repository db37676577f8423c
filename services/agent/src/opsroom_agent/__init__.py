"""The agent: runs servers at a provider for the portal."""
