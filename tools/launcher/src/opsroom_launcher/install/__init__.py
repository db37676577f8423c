"""What a checkout needs before anything runs: the environment, uv, Node, the built page."""
