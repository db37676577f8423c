"""People, bots and their devices: records, presence, and restrictions."""
