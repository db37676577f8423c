"""Accepted operations: their status, their completion at the due time, and what is overdue."""
