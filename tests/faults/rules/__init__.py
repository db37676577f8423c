"""The rules of the referee. Each function takes a history and yields its violations. Pure."""
