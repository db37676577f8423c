"""Fan-out of one process to very many readers, compared with peers."""
