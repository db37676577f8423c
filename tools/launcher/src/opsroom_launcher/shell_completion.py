"""Shell completion for the client's commands and those of the launcher."""

import argparse
import os
from typing import NoReturn

import click

from opsroom_client.cli.main import PROGRAM, cli
from opsroom_launcher.cli import launcher_commands
from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.options import add_options
from opsroom_launcher.selection.client_target import target_server

_PATHS = {"DIR": click.Path(file_okay=False), "FILE": click.Path(dir_okay=False)}
"""The types of values that are paths, by their placeholders in the help."""


def complete(layout: InstallLayout) -> NoReturn:
    """Print the completions in the format of the shell's script."""
    # None of these commands runs: click prints the completions first.
    own = [
        click.Command(name, params=_options(name), help=about)
        for name, about in launcher_commands(installed=layout.root is None).items()
    ]
    whole = click.Group(params=cli.params, commands=[*own, *cli.commands.values()])
    whole.main([], PROGRAM, obj=target_server(layout, os.environ, quiet=True))


def _options(command: str) -> list[click.Parameter]:
    """Return the options of the launcher's ``command`` as those of click."""
    return [
        click.Option(
            action.option_strings,
            help=action.help,
            is_flag=action.nargs == 0,
            type=click.Choice([*action.choices]) if action.choices else _PATHS.get(str(action.metavar)),
        )
        for action in add_options(argparse.ArgumentParser(), command)
    ]
