"""Commands of a checkout: tests and checks, the reference pages, the version."""
