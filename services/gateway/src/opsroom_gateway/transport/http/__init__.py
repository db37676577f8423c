"""HTTP/1.1: the protocol of new connections, its parser, its limits, and one exchange after another."""
