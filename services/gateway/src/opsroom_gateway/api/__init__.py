"""The product's own interface, ``/api/v1``."""
