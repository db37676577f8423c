"""Child processes: started, restarted, stopped in order, and shown on the console."""
