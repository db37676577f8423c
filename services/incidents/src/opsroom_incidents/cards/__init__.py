"""Cards of outside reports: their records, and their messages."""
