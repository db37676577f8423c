"""What a deployment needs: broker accounts, permissions, status, data on disk."""
