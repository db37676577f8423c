"""The frozen course contract: a chat at ``/chat`` and a dashboard at ``/cloud``."""
