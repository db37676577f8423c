"""The client's command line, about the portal that the rule chooses."""

import functools
from collections.abc import Mapping

from opsroom_client.cli.running import Server
from opsroom_launcher.chosen import choose, tell_of_others
from opsroom_launcher.home import Home


def meant_by(home: Home, environ: Mapping[str, str], *, quiet: bool = False) -> Server:
    """The server that a command is about, found once and not before it is asked for.

    ``quiet``: without a word on others, as completion must be.
    """

    @functools.cache
    def find() -> str:
        chosen = choose(home, environ)
        if not quiet:
            tell_of_others(chosen)
        return chosen.url

    return Server(find=find)
