"""Proofs of identity: tokens given out by the operator, single sign-on, and registration tokens."""
