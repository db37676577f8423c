"""Fan-out: one process, very many readers, beside its peers."""
