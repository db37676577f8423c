"""Shell completion for the client's commands and those of the launcher."""

import argparse
import os
from typing import Any, NoReturn

import click

from opsroom_client.cli.main import PROGRAM, cli
from opsroom_launcher.cli import CHECKOUT_COMMANDS, LAUNCHER_COMMANDS
from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.options import add_up_options
from opsroom_launcher.selection.client_target import target_server


def complete(layout: InstallLayout) -> NoReturn:
    """Print the completions in the format of the shell's script."""
    offered = {
        name: said for name, said in LAUNCHER_COMMANDS.items() if layout.root or name not in CHECKOUT_COMMANDS
    }
    own = [click.Command(name, help=explained) for name, explained in offered.items()]
    own[list(offered).index("up")].params += _options_of_up()
    # None of these commands runs: click prints the completions first.
    whole = click.Group(params=cli.params, commands=[*own, *cli.commands.values()])
    whole.main([], PROGRAM, obj=target_server(layout, os.environ, quiet=True))


def _options_of_up() -> list[click.Parameter]:
    seen = _Seen(add_help=False)
    add_up_options(seen)
    return seen.options


class _Seen(argparse.ArgumentParser):
    """Records its options as click options, because argparse has no public way to list them."""

    def __init__(self, *, add_help: bool) -> None:
        super().__init__(add_help=add_help)
        self.options: list[click.Parameter] = []

    def add_argument(self, *names: Any, **given: Any) -> argparse.Action:
        kind = click.Path(file_okay=False) if given.get("metavar") == "DIR" else None
        switch = given.get("action") == "store_true"
        self.options.append(click.Option(names, help=given["help"], is_flag=switch, type=kind))
        return super().add_argument(*names, **given)
