"""Authentication and authorization: static tokens, OpenID Connect, roles, revocation."""
