"""Files of messages: their records, their requests, and the deletion of what nothing refers to."""
