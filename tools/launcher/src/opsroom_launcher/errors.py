"""What ends the launcher early.

RefusedError    it can't or mustn't be done; the message is the one line that the person at the terminal sees
"""


class RefusedError(Exception):
    """The portal can't start or go on. ``str(error)`` is one line, complete with who says it."""
