"""The portal that the client's command line talks to."""

import functools
from collections.abc import Mapping

from opsroom_client.cli.running import Server
from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.selection.portal_selection import select_portal, warn_of_others


def target_server(layout: InstallLayout, environ: Mapping[str, str], *, quiet: bool = False) -> Server:
    """Return the server of a command. The portal is selected once, at first use.

    ``quiet``: don't warn of other running portals, as for completion.
    """

    @functools.cache
    def find() -> str:
        selected = select_portal(layout, environ)
        if not quiet:
            warn_of_others(selected)
        return selected.url

    return Server(find=find)
