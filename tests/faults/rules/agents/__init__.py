"""The rules of servers behind agents."""
