"""``opsroom servers``: list, command and watch servers."""
