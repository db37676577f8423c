"""People, invitations, and links for devices."""
