"""`opsroom status`: the services with their replicas, and the streams with their lag."""

import asyncio
from collections.abc import Mapping

from opsroom_client.cli.output import print_note, show_json, show_table
from opsroom_contracts.serialization.model import rfc3339
from opsroom_contracts.status import ReplicaStatus, Status, StreamStatus
from opsroom_contracts.text import visible
from opsroom_launcher.cli import PortalOptions
from opsroom_launcher.diagnostics.status_query import query_status
from opsroom_launcher.errors import EXIT_FAILED
from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.selection.portal_locator import PortalLocation, locate_portal
from opsroom_launcher.selection.portal_selection import select_portal, warn_of_others


def status(layout: InstallLayout, environ: Mapping[str, str], options: PortalOptions) -> int:
    """Print services, replicas and streams. Returns the exit code: 0 if all is there and ready."""
    found = asyncio.run(query_status(locate(layout, environ, options), options.token_file))
    if options.as_json:
        show_json([found])
    else:
        _show(found)
    for name in found.missing:
        print_note(f"opsroom: {name} is missing")
    unready = [one for one in found.replicas if one.problem is not None]
    for one in unready:
        print_note(f"opsroom: {one.service} {one.id[:12]} is not ready: {visible(one.problem or '')}")
    return EXIT_FAILED if found.missing or unready else 0


def _show(found: Status) -> None:
    rows = [_replica_row(one) for one in found.replicas]
    columns = ("SERVICE", "REPLICA", "VERSION", "STARTED", "REQUESTS", "REFUSED", "SOCKETS", "STREAMS")
    show_table(columns, rows)
    streams = [_stream_row(one) for one in found.streams]
    print()
    show_table(("STREAM", "MESSAGES", "SIZE", "LAST", "COPIES", "CONSUMERS", "LAG"), streams)


def locate(layout: InstallLayout, environ: Mapping[str, str], options: PortalOptions) -> PortalLocation:
    """Locate the portal that the options and the environment select; warn if others run too."""
    selected = select_portal(layout, environ, options.url)
    warn_of_others(selected)
    return locate_portal(layout, environ, selected)


def _replica_row(one: ReplicaStatus) -> tuple[str, ...]:
    counted = (one.requests, one.refusals, one.sockets, one.streams)
    numbers = ("" if number is None else str(number) for number in counted)
    return (one.service, one.id[:12], one.version, rfc3339(one.started_at)[:19], *numbers)


def _stream_row(one: StreamStatus) -> tuple[str, ...]:
    numbers = (str(number) for number in (one.last_seq, one.copies, one.consumers, one.lag))
    return (one.name, str(one.messages), format_size(one.size_bytes), *numbers)


def format_size(number: int) -> str:
    """Format a number of bytes with a binary unit."""
    size = float(number)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
