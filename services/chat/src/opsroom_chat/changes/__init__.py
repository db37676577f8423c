"""Changes of messages by people in the room: edits, deletions, reactions and pins."""
