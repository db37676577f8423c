"""Who is connected to this gateway, from which address, and which restrictions apply to them."""
