"""The portal that the client's command line talks to."""

import functools
from collections.abc import Mapping

from opsroom_client.cli.running import Server
from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.portal.broker import token_file
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

    def find_admin_token(url: str | None) -> str | None:
        record = select_portal(layout, environ, url).record
        if record is None or record.data is None:
            return None
        try:
            return token_file(record.data).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    return Server(find=find, find_admin_token=find_admin_token)
