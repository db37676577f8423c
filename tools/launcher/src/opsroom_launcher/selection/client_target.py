"""The client's command line, about the portal that the rule chooses."""

import functools
from collections.abc import Mapping

from opsroom_client.cli.running import Server
from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.selection.portal_selection import select_portal, warn_of_others


def target_server(layout: InstallLayout, environ: Mapping[str, str], *, quiet: bool = False) -> Server:
    """The server that a command is about, found once and not before it is asked for.

    ``quiet``: without a word on others, as completion must be.
    """

    @functools.cache
    def find() -> str:
        selected = select_portal(layout, environ)
        if not quiet:
            warn_of_others(selected)
        return selected.url

    return Server(find=find)
