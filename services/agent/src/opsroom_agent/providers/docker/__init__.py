"""Docker: a server is a container of one Docker Engine, reached by its Unix socket."""
