"""Rotas: their records, and who is on call."""
