"""The portal with real agents, as processes: killed at any step, and with changes from outside."""
