"""The providers that an agent can be: Docker, programs, Hetzner Cloud, and a simulated one."""
