"""Routes of incidents, and what their reports are made from."""
