"""The provider of Hetzner Cloud: servers are virtual machines of one project."""
