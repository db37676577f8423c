"""The launcher's exceptions.

RefusedError    the command can't or mustn't be run; the message is the one line that the user sees
"""


class RefusedError(Exception):
    """The portal can't start or continue. ``str(error)`` is one line, with the name of the program."""
