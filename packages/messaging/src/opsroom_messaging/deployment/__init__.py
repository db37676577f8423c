"""Deployment: broker accounts, permissions, status, and the check of the data directory."""
